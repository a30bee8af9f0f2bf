"""Which networks are as fast as the baseline, where that is shown."""

from harness.report.analysis import Analysis, named_variants
from harness.report.data import ReportData
from harness.report.section import Finding
from harness.report.speed import Speed, baseline_of, compare_speed
from harness.report.text import joined, some
from harness.statistics.rounds import MARGIN


def equally_fast(data: ReportData, analysis: Analysis) -> Finding | None:
    """Networks whose speed lies within the margin of the baseline's wherever both were timed.

    Eager float32 alone: how a network computes is another question than which one it is.
    """
    names = named_variants(data, analysis.baseline_name)
    speeds: dict[str, dict[int, list[Speed]]] = {}
    title = ""
    for cell in data.latency:
        base = baseline_of(cell, data.latency, names)
        if base is None or base is cell or not (cell.row.is_plain and cell.row.has_network):
            continue
        title = base.title
        found = speeds.setdefault(cell.title, {}).setdefault(cell.scale, [])
        found.append(compare_speed(cell, base))
    same = {
        name: by_scale
        for name, by_scale in speeds.items()
        if all(speed.verdict == "same" for found in by_scale.values() for speed in found)
    }
    if not same:
        return None
    bounds = [s for by_scale in same.values() for found in by_scale.values() for s in found]
    slowest = min(speed.low for speed in bounds if speed.low is not None)
    fastest = max(speed.high for speed in bounds if speed.high is not None)
    scales = [f"{n}\u00d7" for n in sorted({n for found in same.values() for n in found})]
    places = sorted({cell.place.split(",")[0] for cell in data.latency if cell.title in same})
    verb = "is" if len(same) == 1 else "are"
    return Finding(
        45,
        f"{some([*same])} {verb} as fast as {title}.",
        f"Within {100 * MARGIN:g} % at {joined(scales)}: from "
        f"{100 * (1 - slowest):.1f} % slower to {100 * (fastest - 1):.1f} % faster (95 % "
        f"intervals, round by round; eager float32, {joined(places)}).",
    )
