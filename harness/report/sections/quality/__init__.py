"""PSNR and SSIM per row, scale and dataset, against the baseline."""

import math
from collections import Counter

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis
from harness.report.blocks import (
    Block,
    Details,
    Mark,
    PlotBlock,
    TableBlock,
    paragraph,
)
from harness.report.data import ReportData
from harness.report.rows import ReportRow
from harness.report.section import Finding, Part, Section
from harness.report.sections.quality.other_protocols import other_table
from harness.report.sections.quality.overview import overview_table
from harness.report.sections.quality.plots import difference_plots, scale_plots
from harness.report.sections.quality.qualities import quality_table, statistics_table
from harness.report.sections.quality.results import not_trained, results_tables
from harness.report.sections.quality.warnings import quality_warnings
from harness.report.text import PLACE, fraction


def build(data: ReportData, analysis: Analysis) -> Part:
    """The overview, every figure with its interval, and the differences drawn."""
    overview, quality = overview_table(data, analysis), quality_table(data, analysis)
    blocks: list[Block] = []
    if overview.rows:
        blocks.append(
            paragraph(
                "Differences are means over images of the same image\u2019s PSNR, ours less the "
                "baseline\u2019s: ",
                Mark("better", "\u25b2 better"),
                ", ",
                Mark("worse", "\u25bc worse"),
                ", = no difference shown; without a sign there are too few images for a verdict.",
            )
        )
    blocks += results_tables(data, analysis)
    if not quality.rows:
        blocks.append(paragraph("No quality was measured."))
    blocks += [
        not_trained(data),
        TableBlock(other_table(data)),
        Details(
            "Every figure: intervals, p, wins and losses",
            [TableBlock(quality, narrow="rows", csv="statistics")],
        ),
        Details(
            "The same, drawn by scale", [PlotBlock("", scale_plots(data, analysis), wide=True)]
        ),
        PlotBlock("Differences per image", difference_plots(data, analysis), wide=True),
    ]
    return Part(
        blocks=blocks,
        findings=[_best_quality(data)],
        warnings=quality_warnings(data, analysis),
        tables=[overview, statistics_table(data, analysis)],
    )


def _best_quality(data: ReportData) -> Finding | None:
    """Who has the highest mean PSNR in most cells."""
    winners: Counter[ReportRow] = Counter()
    cells = 0
    for scale in data.scales:
        for dataset in data.datasets:
            found = [data.cell(e, scale, dataset) for e in data.rows]
            known = {c.row: m for c in found if c and (m := c.mean(PSNR)) is not None}
            means = {row: mean for row, mean in known.items() if not math.isnan(mean)}
            if len(means) > 1:
                cells += 1
                # Of several that reproduce an image exactly none leads.
                if list(means.values()).count(math.inf) < 2:
                    winners[max(means, key=lambda e: means[e])] += 1
    if not winners:
        return None
    winner, count = winners.most_common(1)[0]
    return Finding(
        40,
        f"{winner.title} has the highest mean PSNR most often.",
        f"It leads in {fraction(count, cells, *PLACE)}.",
    )


SECTION = Section(10, "Results", "Results", build)
