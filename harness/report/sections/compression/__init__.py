"""What sharing weights costs among networks trained alike, beside the noise of the seeds."""

from harness.report.analysis import Analysis
from harness.report.blocks import Block, Details, PlotBlock, TableBlock, paragraph
from harness.report.data import ReportData
from harness.report.section import Part, Section
from harness.report.sections.compression.findings import findings
from harness.report.sections.compression.front import forest, key_figures
from harness.report.sections.compression.seeds import seed_means_table, seeds_table
from harness.report.sections.compression.sharing import sharing_table
from harness.report.sections.compression.warnings import seed_warnings


def build(data: ReportData, analysis: Analysis) -> Part:
    """Shared weights, and the trainings that differ in their seed alone."""
    sharing, seeds = sharing_table(data, analysis), seeds_table(data)
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
    ]
    return Part(
        blocks=blocks,
        figures=key_figures(data, analysis),
        front=[PlotBlock("", forest(data, analysis), wide=True)],
        findings=findings(data, analysis),
        warnings=seed_warnings(data, analysis),
        tables=[seed_means_table(data)],
    )


SECTION = Section(
    50, "Seeds: what another training changes", "Seeds", build, anchor="sharing-section"
)
