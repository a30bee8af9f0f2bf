"""Which plots a report has, drawn from its data."""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.report.analysis import Analysis
from harness.report.metrics import PSNR
from harness.report.model import Entrant, ReportData
from harness.report.plots.pareto import Point, pareto_plot
from harness.report.text import file_stem


@dataclass(frozen=True)
class Plot:
    """A drawn plot.

    Attributes:
        name: file stem and anchor, unique in the report.
        title: what it shows.
        svg: the drawing, for :func:`for_page` or :func:`for_file`.
        group: what the page shows together.
        scale, dataset: what the switches go by; None is shown always.
        note: what a reader has to know of it.
    """

    name: str
    title: str
    svg: str
    group: str
    scale: int | None = None
    dataset: str | None = None
    note: str = ""


_COSTS = (
    ("params", "parameters", "Parameters (thousands)", 1e3),
    ("macs", "MACs", "MACs (G)", 1e9),
)


def draw(data: ReportData, analysis: Analysis) -> list[Plot]:
    """All plots, in the order of the page."""
    return list(_against_cost(data, analysis))


def _against_cost(data: ReportData, analysis: Analysis) -> Iterator[Plot]:
    """Quality against parameters and MACs, per scale and dataset."""
    for scale in data.scales:
        for number, dataset in enumerate(data.datasets):
            quality = _quality(data, scale, dataset)
            base = analysis.baselines.get((scale, dataset))
            for key, words, x_label, unit in _COSTS:
                points = []
                for entrant, value in quality.items():
                    cost = data.cost.get((entrant.variant, scale))
                    x = cost.figure(key) if cost and cost.status == "done" else None
                    if x and entrant.has_network:
                        points.append(Point(entrant.title, x / unit, value, entrant == base))
                if points:
                    title = f"PSNR against {words}, {dataset} {scale}\u00d7"
                    yield Plot(
                        f"{key}-{scale}x-{number}-{file_stem(dataset)}",
                        title,
                        pareto_plot(points, title=title, x_label=x_label, y_label=PSNR.heading),
                        "pareto",
                        scale,
                        dataset,
                    )


def _quality(data: ReportData, scale: int, dataset: str) -> dict[Entrant, float]:
    """Finite mean PSNR by row."""
    cells = (data.cell(entrant, scale, dataset) for entrant in data.entrants)
    return {
        cell.entrant: mean
        for cell in cells
        if cell is not None and (mean := cell.finite_mean(PSNR)) is not None
    }
