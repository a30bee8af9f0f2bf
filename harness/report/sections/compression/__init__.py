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
                "Two networks are two trainings. Each shared upsampler stands beside the baseline "
                "trained alike; \u00b1 is what another seed moves such a difference by, where that "
                "was measured."
            )
        )
    blocks += [
        Details(
            "Each shared upsampler against its baseline, scale by scale",
            [TableBlock(sharing, dense=True, narrow="columns")],
        ),
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
