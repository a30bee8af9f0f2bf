"""How long a forward pass takes, and what a faster one loses."""

from harness.report.analysis import Analysis
from harness.report.blocks import Block, Details, TableBlock, paragraph
from harness.report.data import ReportData
from harness.report.section import Part, Section
from harness.report.sections.latency.equally_fast import equally_fast
from harness.report.sections.latency.fastest import fastest
from harness.report.sections.latency.front import key_figures
from harness.report.sections.latency.latencies import (
    latency_table,
    latency_tables,
    speed_table,
)
from harness.report.sections.latency.warnings import latency_warnings


def build(data: ReportData, analysis: Analysis) -> Part:
    """One row per latency, and every comparison for CSV."""
    blocks: list[Block] = []
    for table in latency_tables(data, analysis.baseline_name):
        block = TableBlock(table, dense=True, csv="latency")
        blocks.append(Details(table.caption, [block]) if blocks else block)
    return Part(
        blocks=blocks or [paragraph("No latency was measured.")],
        figures=key_figures(data, analysis),
        findings=[equally_fast(data, analysis), fastest(data)],
        warnings=latency_warnings(data),
        tables=[
            latency_table(data, analysis.baseline_name),
            speed_table(data, analysis.baseline_name),
        ],
    )


SECTION = Section(70, "Latency", "Latency", build)
