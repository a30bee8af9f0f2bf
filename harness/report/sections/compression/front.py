"""The first screen: what is saved, what it changes, and the difference at each scale."""

from collections.abc import Sequence

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis
from harness.report.blocks import KeyFigure, Plot
from harness.report.data import ReportData
from harness.report.plots.forest import Mark, Rows, grouped_forest
from harness.report.sections.compression.seed_groups import noise_of
from harness.report.smaller import Saving, leading, smaller_networks
from harness.report.standing import Standing, is_candidate, pooled_difference, standings
from harness.report.text import PLACE, number, plural, signed, some
from harness.statistics.bootstrap import LEVEL

_MOST_ROWS = 6
"""At each scale of the plot; more would not stand on one screen."""
_LEAST_SHARE = 0.05
"""Per cent of the parameters, below which it would be shown as 0.0: a bias, say."""


def key_figures(data: ReportData, analysis: Analysis) -> list[KeyFigure]:
    """Parameters that the leading smaller networks save, and their difference in PSNR."""
    best = leading(data, analysis)
    return [_saved(best, analysis), *_difference(data, [s for s, _ in best])] if best else []


def _saved(best: Sequence[tuple[Standing, Saving]], analysis: Analysis) -> KeyFigure:
    shares = [-100 * share for _, s in best for share in (s.least_share, s.most_share)]
    counts = [count for _, s in best for count in (s.least, s.most)]
    names = some([standing.row.title for standing, _ in best], 3)
    value = f"{_range([signed(min(shares), 1), signed(max(shares), 1)])} %"
    if min(shares) > -_LEAST_SHARE:
        value = _range([signed(-max(counts), 0), signed(-min(counts), 0)])
    return KeyFigure(
        "Parameters",
        value,
        f"{_range([number(min(counts), 0), number(max(counts), 0)])} fewer than "
        f"{analysis.baseline_title}: {names}.",
    )


def _difference(data: ReportData, best: Sequence[Standing]) -> list[KeyFigure]:
    """The mean of one; of several that are not told apart the lowest and the highest."""
    means = [s.mean for s in best if s.mean]
    if not means:
        return []
    low, high = min(m.low for m in means), max(m.high for m in means)
    ends = [PSNR.delta(min(m.mean for m in means)), PSNR.delta(max(m.mean for m in means))]
    several = f" of {len(best)} networks that are not told apart" if len(best) > 1 else ""
    detail = (
        f"Mean over {plural(len(best[0].tested), *PLACE)}{several}, between {signed(low, 3)} and "
        f"{signed(high, 3)} dB at {LEVEL:.0%}. "
    )
    noises = [noise_of(data, s.row, s.tested) for s in best]
    known = [noise.of_difference() for noise in noises if noise]
    if len(known) < len(noises):
        detail += "What another seed would change over these was not measured."
    else:
        detail += f"Seeds alone move such a difference by \u00b1{number(max(known), 3)} dB."
    return [KeyFigure("\u0394 PSNR", f"{_range(ends)} dB", detail)]


def _range(ends: Sequence[str]) -> str:
    return " to ".join(dict.fromkeys(ends))


def forest(data: ReportData, analysis: Analysis) -> list[Plot]:
    """Smaller networks at each scale; where there is none, all that were trained alike."""
    rows = [standing.row for standing, _ in smaller_networks(data, analysis)]
    rows = rows or [s.row for s in standings(data, analysis) if is_candidate(s.row)]
    tested = {s.row: s.tested or s.places for s in standings(data, analysis)}
    groups, left_out = [], 0
    for scale in data.scales:
        marks: list[tuple[str, Mark]] = []
        bands: set[float | None] = set()
        for row in rows:
            places = [place for place in tested[row] if place[0] == scale]
            cells = [(place, row, analysis.baselines[place]) for place in places]
            if over := pooled_difference(data, cells):
                marks.append((row.title, Mark(over.mean, over.low, over.high)))
                noise = noise_of(data, row, places)
                bands.add(2 * noise.of_difference() if noise else None)
        left_out = max(left_out, len(marks) - _MOST_ROWS)
        if len(marks) > _MOST_ROWS:
            marks.sort(key=lambda item: -item[1].mean)
        if marks:
            # One band for all, where all are trainings of one kind.
            band = bands.pop() if len(bands) == 1 else None
            groups.append(Rows(f"{scale}\u00d7", marks[:_MOST_ROWS], band))
    if not groups:
        return []
    title = f"Difference in PSNR to {analysis.baseline_title}, by scale"
    label = "\u0394 PSNR (dB), right is better"
    svg, narrow = (
        grouped_forest(groups, title=title, x_label=label, narrow=is_narrow)
        for is_narrow in (False, True)
    )
    note = f"Mean over the datasets, each counted once, with its {LEVEL:.0%} interval over images."
    if any(group.band is not None for group in groups):
        note += " Grey: twice what another seed moves such a difference by."
    if left_out > 0:
        note += f" The {_MOST_ROWS} with the highest means; {left_out} more are in the tables."
    return [Plot("answer", title, svg, note=note, narrow=narrow)]
