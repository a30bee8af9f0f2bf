"""Per-image differences to the baseline: a dot is an image."""

import math
from collections.abc import Iterator

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis
from harness.report.blocks import Plot, Points
from harness.report.data import ReportData
from harness.report.plots.strips import Strip, strip_plot
from harness.report.text import clean, file_stem
from harness.statistics.paired import paired_differences


def difference_plots(data: ReportData, analysis: Analysis) -> list[Plot]:
    """One per scale and dataset with a baseline."""
    return [
        plot
        for scale in data.scales
        for i, dataset in enumerate(data.datasets)
        for plot in _strips(
            data, analysis, scale, dataset, f"{scale}x-{i + 1}-{file_stem(dataset)}"
        )
    ]


def _strips(
    data: ReportData, analysis: Analysis, scale: int, dataset: str, stem: str
) -> Iterator[Plot]:
    """Per-image differences of all networks to the baseline."""
    base = analysis.baselines.get((scale, dataset))
    base_cell = data.cell(base, scale, dataset) if base else None
    if base is None or base_cell is None:
        return
    strips, odd = [], []
    # In the order of the tables: the authors' networks last.
    for row in sorted(data.rows, key=lambda row: row.from_authors):
        paired = analysis.estimate(row, scale, dataset, PSNR.key).paired
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
        svg, narrow = (
            strip_plot(
                strips, title=title, x_label="\u0394 PSNR (dB), right is better", narrow=is_narrow
            )
            for is_narrow in (False, True)
        )
        yield Plot(
            f"differences-{stem}",
            title,
            svg,
            scale,
            dataset,
            "A dot is an image; the diamond is their mean, the bar its 95% interval, blue where "
            "better and orange where worse than the baseline. Point at a dot, or go through them "
            "with the arrow keys, to read which image it is."
            + (f" Not drawn, as a difference is not finite: {', '.join(odd)}." if odd else ""),
            points=Points(
                base_cell.images,
                {strip.label: strip.differences.tolist() for strip in strips},
                PSNR.digits,
            ),
            narrow=narrow,
        )
