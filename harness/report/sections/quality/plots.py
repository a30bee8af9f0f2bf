"""Means over the scales, each network in its group."""

import math
from collections.abc import Iterator

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis
from harness.report.blocks import Plot
from harness.report.data import ReportData
from harness.report.plots.forest import Mark, Panel, forest_plot
from harness.report.rows import ReportRow
from harness.report.text import clean, file_stem, number


def scale_plots(data: ReportData, analysis: Analysis) -> list[Plot]:
    """One per dataset."""
    return [
        plot
        for i, dataset in enumerate(data.datasets)
        for plot in _by_scale(data, analysis, dataset, f"{i + 1}-{file_stem(dataset)}")
    ]


def _by_scale(data: ReportData, analysis: Analysis, dataset: str, stem: str) -> Iterator[Plot]:
    """The networks over the scales: less the baseline, or absolute where there is none."""
    relative = [scale for scale in data.scales if (scale, dataset) in analysis.baselines]
    scales = relative or list(data.scales)
    panels: list[Panel] = []
    odd: list[str] = []
    rows = sorted((e for e in data.rows if e.has_network), key=lambda row: row.from_authors)
    for scale in scales:
        marks: list[Mark | None] = []
        for row in rows:
            mark = _mark(data, analysis, row, scale, dataset, absolute=not relative)
            if mark and not math.isfinite(mark.mean):
                odd.append(f"{clean(row.title)} {scale}\u00d7")
                mark = None
            marks.append(mark)
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
    if odd:
        note += f" Not drawn, as not finite: {', '.join(odd)}."
    yield Plot(f"scales-{stem}", title, svg, None, dataset, note)


def _mark(
    data: ReportData,
    analysis: Analysis,
    row: ReportRow,
    scale: int,
    dataset: str,
    *,
    absolute: bool,
) -> Mark | None:
    """A mean, of the row or of its difference, which may have no place on an axis."""
    estimate = analysis.estimate(row, scale, dataset, PSNR.key)
    if absolute:
        cell = data.cell(row, scale, dataset)
        mean = cell.mean(PSNR) if cell else None
        return None if mean is None else Mark(mean, estimate.low, estimate.high)
    paired = estimate.paired
    if paired is None:
        return None
    if not math.isfinite(paired.low):
        return Mark(paired.mean, verdict=paired.verdict)
    return Mark(paired.mean, paired.low, paired.high, paired.verdict)
