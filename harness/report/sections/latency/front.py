"""The first screen: what the leading smaller networks change in time."""

from collections.abc import Sequence

from harness.report.analysis import Analysis, named_variants
from harness.report.blocks import KeyFigure
from harness.report.data import ReportData
from harness.report.latencies import latency_of, usual_latencies
from harness.report.smaller import leading
from harness.report.speed import baseline_of, compare_speed
from harness.report.text import joined
from harness.report.verdicts import speed_bounds


def key_figures(data: ReportData, analysis: Analysis) -> list[KeyFigure]:
    """Between how much slower and faster they are; nothing where that was not measured."""
    names = named_variants(data, analysis.baseline_name)
    bounds: list[tuple[float, float]] = []
    parts, where = [], ""
    for scale in data.scales:
        place, times = usual_latencies(data, scale)
        where = place.rpartition(", ")[0] or where
        mine: list[tuple[float, float]] = []
        for standing, _ in leading(data, analysis):
            ours = latency_of(times, standing.row)
            base = baseline_of(ours, times, names) if ours else None
            speed = compare_speed(ours, base) if ours and base and base is not ours else None
            if speed and speed.low is not None and speed.high is not None:
                mine.append((speed.low, speed.high))
        if mine:
            parts.append(f"{scale}\u00d7 {speed_bounds(*_hull(mine))}")
            bounds += mine
    if not bounds:
        return []
    detail = f"{joined(parts)} (95 % intervals, round by round; {where})."
    return [KeyFigure("Latency", speed_bounds(*_hull(bounds)), detail)]


def _hull(bounds: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(low for low, _ in bounds), max(high for _, high in bounds)
