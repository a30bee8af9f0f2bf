"""How the networks were trained, and validation during the trainings whose weights ship."""

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis
from harness.report.blocks import Details, Plot, PlotBlock, TableBlock
from harness.report.data import ReportData
from harness.report.plots.lines import Line, curves_plot
from harness.report.section import Part, Section
from harness.report.sections.training.trainings import (
    training_warnings,
    trainings_by_scale,
    trainings_table,
)


def build(data: ReportData, analysis: Analysis) -> Part:
    """Who trained what and how long; PSNR over the steps, one plot per scale."""
    trained = {scale for curve in data.curves for scale in curve.points}
    networks = trainings_table(data)
    plots = [_plot(data, scale) for scale in sorted(trained & set(data.scales))]
    return Part(
        blocks=[
            Details(networks.caption, [TableBlock(networks, csv="trainings")]),
            Details("PSNR on the validation images by step", [PlotBlock("", plots)]),
        ],
        warnings=training_warnings(data, analysis),
        tables=[trainings_by_scale(data, analysis)],
    )


def _plot(data: ReportData, scale: int) -> Plot:
    lines = [
        Line(
            curve.name,
            [step for step, _ in curve.points[scale]],
            [psnr for _, psnr in curve.points[scale]],
        )
        for curve in data.curves
        if scale in curve.points
    ]
    title = f"Validation during training, {scale}\u00d7"
    svg = curves_plot(lines, title=title, x_label="Step", y_label=PSNR.heading)
    return Plot(f"training-{scale}x", title, svg, scale)


SECTION = Section(55, "Training", "Training", build)
