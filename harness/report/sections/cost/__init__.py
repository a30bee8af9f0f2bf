"""Parameters, MACs by every counter, activations, memory and modules."""

from harness.report.analysis import Analysis
from harness.report.blocks import Block, Details, TableBlock, paragraph
from harness.report.data import ReportData
from harness.report.section import Finding, Part, Section
from harness.report.sections.cost.costs import cost_table, counter_table
from harness.report.sections.cost.modules import breakdown_table, module_table
from harness.report.text import number


def build(data: ReportData, analysis: Analysis) -> Part:
    """Cost per variant and scale, where it sits, and what other counters say."""
    cost = cost_table(data, analysis.baseline_name)
    counters, modules = counter_table(data), module_table(data)
    breakdown = breakdown_table(data)
    blocks: list[Block] = [
        TableBlock(cost) if cost.rows else paragraph("No cost was counted."),
        Details(f"{counters.caption}, and why they differ", [TableBlock(counters)]),
        Details(
            "Where the parameters and the MACs sit",
            [TableBlock(breakdown, dense=True), TableBlock(modules)],
        ),
    ]
    return Part(
        blocks=blocks,
        findings=[_smallest(data)],
        tables=[] if cost.rows else [cost],
    )


def _smallest(data: ReportData) -> Finding | None:
    sizes = [
        (params, cost.row.label) for cost in data.cost.values() if (params := cost.figure("params"))
    ]
    if not sizes:
        return None
    params, label = min(sizes)
    return Finding(
        60, f"{label} is the smallest network.", f"It has {number(params, 0)} parameters."
    )


SECTION = Section(60, "Cost", "Cost", build)
