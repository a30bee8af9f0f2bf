"""PSNR and SSIM per row, scale and dataset, against the baseline."""

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
from harness.report.section import Part, Section
from harness.report.sections.quality.best import best_quality
from harness.report.sections.quality.other_protocols import other_table
from harness.report.sections.quality.overview import overview_table
from harness.report.sections.quality.plots import scale_plots
from harness.report.sections.quality.qualities import quality_table, statistics_table
from harness.report.sections.quality.results import not_trained, results_tables
from harness.report.sections.quality.warnings import quality_warnings


def build(data: ReportData, analysis: Analysis) -> Part:
    """The overview, every figure with its interval, and the means drawn by scale."""
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
    ]
    return Part(
        blocks=blocks,
        findings=[best_quality(data, analysis)],
        warnings=quality_warnings(data, analysis),
        tables=[overview, statistics_table(data, analysis)],
    )


SECTION = Section(10, "Results", "Results", build)
