"""Quality against what it costs."""

from dataclasses import replace

from harness.report.analysis import Analysis
from harness.report.blocks import Bullets, PlotBlock
from harness.report.data import ReportData
from harness.report.section import Part, Section
from harness.report.sections.tradeoff.explorer import explorer
from harness.report.sections.tradeoff.plots import article_files, pareto_plots, same_for_all


def build(data: ReportData, analysis: Analysis) -> Part:
    """A plot with axes to choose, the same drawn, and files for an article."""
    files = article_files(data, analysis)
    words = [(path.removeprefix("plots/article-"), path) for path in files]
    chosen = replace(explorer(data, analysis), files=words)
    plots = pareto_plots(data, analysis)
    heading = "Quality against cost: blue is what no network trained alike is shown to beat"
    return Part(
        blocks=[
            chosen,
            *([Bullets(same_for_all(data))] if chosen.dots else []),
            PlotBlock(heading, plots, static=True),
        ],
        files=dict(files),
    )


SECTION = Section(30, "Trade-off", "Trade-off", build)
