"""Which plots a report has, drawn from its data."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.report.analysis import Analysis, is_named
from harness.report.data import ReportData
from harness.report.metrics import PSNR
from harness.report.plots.forest import Mark, Panel, forest_plot
from harness.report.plots.lines import Line, curves_plot
from harness.report.plots.pareto import Point, pareto_plot
from harness.report.plots.strips import Strip, strip_plot
from harness.report.rows import Latency, ReportRow
from harness.report.text import clean, file_stem, number, plural
from harness.statistics.paired import paired_differences


@dataclass(frozen=True)
class Plot:
    """A drawn plot.

    Attributes:
        name: file stem and anchor, unique in the report.
        title: what it shows.
        svg: the drawing, for :func:`for_page` or :func:`for_file`.
        group: ``pareto``, ``strips``, ``scales`` or ``curves``: what a page shows together.
        scale: what the switch goes by; None is shown always.
        dataset: what the switch goes by; None is shown always.
        note: what a reader has to know of it.
    """

    name: str
    title: str
    svg: str
    group: str
    scale: int | None = None
    dataset: str | None = None
    note: str = ""


_COSTS = (
    ("params", "parameters", "Parameters (thousands)", 1e3),
    ("macs", "MACs", "MACs of a forward pass (G)", 1e9),
)


def draw(data: ReportData, analysis: Analysis) -> list[Plot]:
    """All plots, in the order of the page."""
    plots: list[Plot] = []
    for scale in data.scales:
        for number_, dataset in enumerate(data.datasets):
            stem = f"{scale}x-{number_ + 1}-{file_stem(dataset)}"
            plots += _against_cost(data, analysis, scale, dataset, stem)
            plots += _strips(data, analysis, scale, dataset, stem)
    for number_, dataset in enumerate(data.datasets):
        plots += _by_scale(data, analysis, dataset, f"{number_ + 1}-{file_stem(dataset)}")
    plots += _curves(data)
    return plots


def _against_cost(
    data: ReportData, analysis: Analysis, scale: int, dataset: str, stem: str
) -> Iterator[Plot]:
    """Quality against parameters, MACs and latency."""
    quality = _quality(data, scale, dataset)
    base = analysis.baselines.get((scale, dataset))
    note = " ".join(filter(None, (_without_network(quality), _not_finite(data, scale, dataset))))
    for key, words, x_label, unit in _COSTS:
        costs = {}
        for row in quality:
            cost = data.cost.get((row.variant, scale))
            x = cost.figure(key) if cost and cost.status == "done" else None
            if x is not None:
                costs[row] = x / unit
        title = f"PSNR against {words}, {dataset} {scale}\u00d7"
        if svg := _pareto(quality, costs, base, title, x_label):
            yield Plot(f"{key}-{stem}", title, svg, "pareto", scale, dataset, note)
            note = ""
    place, times = _times(data, scale)
    title = f"PSNR against latency, {dataset} {scale}\u00d7"
    costs = {e: t for e in quality if (t := _time_of(times, e)) is not None}
    if svg := _pareto(quality, costs, base, title, "Median latency (ms)"):
        noisy = sum(t.noisy for t in times if t.row.has_network)
        caveat = f"; {plural(noisy, 'median')} marked noisy" if noisy else ""
        words = f"{place}{caveat}. {note}".strip()
        yield Plot(f"latency-{stem}", title, svg, "pareto", scale, dataset, words)


def _pareto(
    quality: dict[ReportRow, float],
    costs: dict[ReportRow, float],
    base: ReportRow | None,
    title: str,
    x_label: str,
) -> str:
    points = [
        Point(row.title, x, quality[row], row == base)
        for row, x in costs.items()
        if row.has_network
    ]
    if not points:
        return ""
    return pareto_plot(points, title=title, x_label=x_label, y_label=PSNR.heading)


def _quality(data: ReportData, scale: int, dataset: str) -> dict[ReportRow, float]:
    """Finite mean PSNR by row."""
    cells = (data.cell(row, scale, dataset) for row in data.rows)
    return {
        cell.row: mean
        for cell in cells
        if cell is not None and (mean := cell.finite_mean(PSNR)) is not None
    }


def _without_network(quality: dict[ReportRow, float]) -> str:
    """Plain interpolation costs nothing that the axes show, and would squeeze the others."""
    plain = [
        f"{clean(row.title)} ({number(mean, 2)} dB)"
        for row, mean in quality.items()
        if not row.has_network
    ]
    return f"Not drawn, as it has no network: {', '.join(plain)}." if plain else ""


def _not_finite(data: ReportData, scale: int, dataset: str) -> str:
    """Networks that no axis has a place for."""
    cells = [data.cell(row, scale, dataset) for row in data.rows if row.has_network]
    means = [(c.row, m) for c in cells if c is not None and (m := c.mean(PSNR)) is not None]
    odd = [f"{clean(r.title)} ({number(m, 2)} dB)" for r, m in means if not math.isfinite(m)]
    return f"Not drawn, as the mean is not finite: {', '.join(odd)}." if odd else ""


def _times(data: ReportData, scale: int) -> tuple[str, list[Latency]]:
    """The latencies of one device and size: of several the one with the most rows."""
    places: dict[str, list[Latency]] = {}
    for cell in data.latency:
        if cell.scale == scale and cell.figure("median_ms") is not None:
            places.setdefault(cell.place, []).append(cell)
    if not places:
        return "", []
    return max(places.items(), key=lambda item: (len(item[1]), item[0]))


def _time_of(times: Sequence[Latency], row: ReportRow) -> float | None:
    """A row's own latency, else its variant's: weights do not change the time."""
    same = [t for t in times if t.row.variant == row.variant]
    same = [t for t in same if _way(t.row) == _way(row)]
    own = [t for t in same if t.row.weights == row.weights]
    return next((t.figure("median_ms") for t in [*own, *same]), None)


def _way(row: ReportRow) -> tuple[str, str]:
    return row.dtype, row.backend


def _strips(
    data: ReportData, analysis: Analysis, scale: int, dataset: str, stem: str
) -> Iterator[Plot]:
    """Per-image differences of all networks to the baseline."""
    base = analysis.baselines.get((scale, dataset))
    base_cell = data.cell(base, scale, dataset) if base else None
    if base is None or base_cell is None:
        return
    strips, odd = [], []
    for row in data.rows:
        paired = analysis.outcome(row, scale, dataset, PSNR.key).paired
        cell = data.cell(row, scale, dataset)
        if paired is None or cell is None or not row.has_network:
            continue
        if not math.isfinite(paired.mean):
            odd.append(clean(row.title))
        else:
            theirs = base_cell.values[PSNR.key]
            differences = paired_differences(cell.values[PSNR.key][:, None], theirs)[:, 0]
            strips.append(
                Strip(
                    row.title,
                    differences,
                    paired.mean,
                    paired.low,
                    paired.high,
                    paired.verdict,
                )
            )
    if strips:
        title = f"Per-image difference in PSNR to {clean(base.title)}, {dataset} {scale}\u00d7"
        yield Plot(
            f"differences-{stem}",
            title,
            strip_plot(strips, title=title, x_label="\u0394 PSNR (dB), right is better"),
            "strips",
            scale,
            dataset,
            "A dot is an image; the diamond is their mean, the bar its 95% interval, blue where "
            "better and orange where worse than the baseline."
            + (f" Not drawn, as a difference is not finite: {', '.join(odd)}." if odd else ""),
        )


def _by_scale(data: ReportData, analysis: Analysis, dataset: str, stem: str) -> Iterator[Plot]:
    """The networks over the scales: less the baseline, or absolute where there is none."""
    relative = [scale for scale in data.scales if (scale, dataset) in analysis.baselines]
    scales = relative or list(data.scales)
    panels: list[Panel] = []
    rows = [row for row in data.rows if row.has_network]
    if relative:
        rows = [e for e in rows if not is_named(e, analysis.baseline_name)]
    for scale in scales:
        marks = [_mark(data, analysis, e, scale, dataset, absolute=not relative) for e in rows]
        heading = f"{scale}\u00d7"
        if relative:
            cell = data.cell(analysis.baselines[scale, dataset], scale, dataset)
            heading += f", baseline {number(cell.mean(PSNR) if cell else None, 2)} dB"
        panels.append(Panel(heading, marks))
    kept = [i for i in range(len(rows)) if any(panel.marks[i] for panel in panels)]
    if not kept:
        return
    panels = [Panel(panel.heading, [panel.marks[i] for i in kept]) for panel in panels]
    panels = [panel for panel in panels if any(panel.marks)]
    title = f"PSNR by scale, {dataset}"
    svg = forest_plot(
        [rows[i].title for i in kept],
        panels,
        title=title if not relative else f"{title}: difference to {analysis.baseline_title}",
        x_label="\u0394 PSNR (dB)" if relative else PSNR.heading,
        zero=bool(relative),
    )
    note = "Means with 95% intervals; each scale has an axis of its own."
    odd = [
        f"{clean(row.title)} {scale}\u00d7"
        for scale in scales
        for row in rows
        if _has_odd(data, analysis, row, scale, dataset, absolute=not relative)
    ]
    if odd:
        note += f" Not drawn, as not finite: {', '.join(odd)}."
    yield Plot(f"scales-{stem}", title, svg, "scales", None, dataset, note)


def _has_odd(
    data: ReportData,
    analysis: Analysis,
    row: ReportRow,
    scale: int,
    dataset: str,
    *,
    absolute: bool,
) -> bool:
    """Whether there is a mean, of the row or of its difference, that has no place on an axis."""
    cell = data.cell(row, scale, dataset)
    paired = analysis.outcome(row, scale, dataset, PSNR.key).paired
    mean = paired.mean if paired else None
    if absolute:
        mean = cell.mean(PSNR) if cell else None
    return mean is not None and not math.isfinite(mean)


def _mark(
    data: ReportData,
    analysis: Analysis,
    row: ReportRow,
    scale: int,
    dataset: str,
    *,
    absolute: bool,
) -> Mark | None:
    outcome = analysis.outcome(row, scale, dataset, PSNR.key)
    if absolute:
        cell = data.cell(row, scale, dataset)
        mean = cell.finite_mean(PSNR) if cell else None
        return None if mean is None else Mark(mean, outcome.low, outcome.high)
    paired = outcome.paired
    if paired is None or not math.isfinite(paired.mean):
        return None
    if not math.isfinite(paired.low):
        return Mark(paired.mean, verdict=paired.verdict)
    return Mark(paired.mean, paired.low, paired.high, paired.verdict)


def _curves(data: ReportData) -> Iterator[Plot]:
    """Validation PSNR over training steps."""
    trained = {scale for curve in data.curves for scale in curve.points}
    for scale in sorted(trained & set(data.scales)):
        lines = [
            Line(
                curve.name,
                [step for step, _ in curve.points[scale]],
                [psnr for _, psnr in curve.points[scale]],
            )
            for curve in data.curves
            if scale in curve.points
        ]
        title = f"Validation during training, {scale}\u00d7"
        yield Plot(
            f"training-{scale}x",
            title,
            curves_plot(lines, title=title, x_label="Step", y_label=PSNR.heading),
            "curves",
            scale,
            None,
        )
