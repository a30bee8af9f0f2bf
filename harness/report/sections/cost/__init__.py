"""Parameters, MACs by every counter, activations, memory and modules."""

from harness.report.analysis import Analysis
from harness.report.blocks import Block, Details, TableBlock, paragraph
from harness.report.data import ReportData
from harness.report.section import Finding, Part, Section
from harness.report.sections.cost.costs import cost_table, counter_table, hidden_macs
from harness.report.sections.cost.modules import breakdown_table, module_table
from harness.report.text import number, some


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
            [TableBlock(breakdown, dense=True), TableBlock(modules, long=True)],
        ),
    ]
    return Part(
        blocks=blocks,
        findings=[_smallest(data)],
        warnings=hidden_macs(data),
        tables=[] if cost.rows else [cost],
    )


def _smallest(data: ReportData) -> Finding | None:
    """Who is smallest at every scale, where some network is larger: equals share the place."""
    by_scale: dict[int, dict[str, float]] = {}
    for (_, scale), cost in data.cost.items():
        if (params := cost.figure("params")) and not (cost.result and cost.result.told_by):
            by_scale.setdefault(scale, {})[cost.row.label] = params
    smallest, sizes = set(), set()
    for sizes_here in by_scale.values():
        least = min(sizes_here.values())
        labels = [label for label, params in sizes_here.items() if params == least]
        if len(labels) == len(sizes_here):
            return None
        smallest.add(tuple(labels))
        sizes.add(least)
    if len(smallest) != 1:
        return None
    labels = list(smallest.pop())
    size = " to ".join(number(params, 0) for params in dict.fromkeys((min(sizes), max(sizes))))
    if len(labels) == 1:
        return Finding(60, f"{labels[0]} is the smallest network.", f"It has {size} parameters.")
    return Finding(
        60,
        f"{some(labels)} are the smallest networks, of one size.",
        f"Each has {size} parameters.",
    )


SECTION = Section(60, "Cost", "Cost", build)
