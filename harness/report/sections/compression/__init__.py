"""What it costs to make a network smaller: shared weights, seeds, quality against cost."""

from harness.report.analysis import Analysis
from harness.report.blocks import Block, Details, PlotBlock, TableBlock, paragraph
from harness.report.data import ReportData
from harness.report.section import Part, Section
from harness.report.sections.compression.efficiency import efficiency_table
from harness.report.sections.compression.findings import findings
from harness.report.sections.compression.plots import pareto_plots
from harness.report.sections.compression.seeds import seeds_table
from harness.report.sections.compression.sharing import sharing_table
from harness.report.sections.compression.warnings import seed_warnings

_MOST_OPEN = 40
"""More rows than this are folded away."""


def build(data: ReportData, analysis: Analysis) -> Part:
    """Shared weights and their seeds, Pareto fronts, and dB for each thousand parameters."""
    sharing, seeds = sharing_table(data, analysis), seeds_table(data)
    efficiency = efficiency_table(data, analysis)
    blocks: list[Block] = []
    if sharing.rows:
        blocks.append(
            paragraph(
                "Which convolution\u2019s weights should the upsampler share, and is anything "
                "lost? Each row is compared with the baseline whose weights were trained "
                "alike; \u00b1 is the noise of the seeds."
            )
        )
    blocks += [
        TableBlock(sharing, dense=True, narrow="columns"),
        Details(seeds.caption, [TableBlock(seeds, narrow="rows")]),
        PlotBlock(
            "Quality against cost: the dashed line is the Pareto front",
            pareto_plots(data, analysis),
        ),
        Details(
            efficiency.caption,
            [TableBlock(efficiency)],
            is_open=len(efficiency.rows) <= _MOST_OPEN,
        ),
    ]
    return Part(
        blocks=blocks,
        findings=findings(data, analysis),
        warnings=seed_warnings(data, analysis),
    )


SECTION = Section(30, "Compression: what it costs", "Compression", build, anchor="sharing-section")
