"""Quality against what it costs."""

from harness.report.analysis import Analysis
from harness.report.blocks import PlotBlock
from harness.report.data import ReportData
from harness.report.section import Part, Section
from harness.report.sections.tradeoff.plots import pareto_plots


def build(data: ReportData, analysis: Analysis) -> Part:
    """Quality against parameters, MACs and latency."""
    words = "Quality against cost: the dashed line is the Pareto front"
    return Part(blocks=[PlotBlock(words, pareto_plots(data, analysis))])


SECTION = Section(30, "Trade-off", "Trade-off", build)
