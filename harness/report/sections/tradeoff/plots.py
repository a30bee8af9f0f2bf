"""Quality against parameters, MACs and latency, drawn for readers without a script."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.jobs.cost.models import CostResult
from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis
from harness.report.blocks import Plot
from harness.report.data import ReportData
from harness.report.latencies import latency_of, median_bounds, usual_latencies
from harness.report.plots.pareto import Level, Point, article_plot, pareto_plot
from harness.report.rows import ReportRow
from harness.report.text import clean, file_stem, number, plural, si

_COSTS = {"params": "parameters", "macs": "MACs"}


@dataclass(frozen=True)
class _View:
    """One plot before it is drawn."""

    name: str
    title: str
    x_label: str
    points: Sequence[Point]
    levels: Sequence[Level]
    scale: int
    dataset: str
    note: str


def pareto_plots(data: ReportData, analysis: Analysis) -> list[Plot]:
    """One per scale, dataset and cost that differs among the networks."""
    return [
        Plot(
            view.name,
            view.title,
            pareto_plot(
                view.points,
                title=view.title,
                x_label=view.x_label,
                y_label=PSNR.heading,
                levels=view.levels,
            ),
            view.scale,
            view.dataset,
            view.note,
        )
        for view in _views(data, analysis, list(data.datasets))
    ]


def article_files(data: ReportData, analysis: Analysis) -> dict[str, bytes]:
    """Drawings for an article by their path in the report: of the dataset that is shown first."""
    files: dict[str, bytes] = {}
    for view in _views(data, analysis, [data.first_dataset] if data.first_dataset else []):
        drawn = article_plot(
            view.points,
            title=view.title,
            x_label=view.x_label,
            y_label=PSNR.heading,
            levels=view.levels,
        )
        stem = f"plots/article-{view.name.partition('-')[0]}-{view.scale}x"
        files |= {f"{stem}.{ending}": content for ending, content in drawn.items()}
    return files


def same_for_all(data: ReportData) -> list[str]:
    """A sentence for every cost that all networks of a scale have in common."""
    sentences = []
    for key, words in _COSTS.items():
        found = {}
        for scale in data.scales:
            values = {
                cost.figure(key)
                for (_, at), cost in data.cost.items()
                if at == scale and cost.status == "done" and cost.row.has_network
            }
            if len(values) == 1 and len(data.cost) > 1 and (value := values.pop()):
                found[scale] = value
        if found:
            parts = [f"{si(value)} at {scale}\u00d7" for scale, value in found.items()]
            sentences.append(f"All networks have the same {words}: {', '.join(parts)}.")
    return sentences


def _views(data: ReportData, analysis: Analysis, datasets: Sequence[str]) -> list[_View]:
    return [
        view
        for scale in data.scales
        for dataset in datasets
        for view in _against_cost(data, analysis, scale, dataset)
    ]


def _against_cost(data: ReportData, analysis: Analysis, scale: int, dataset: str) -> list[_View]:
    """Quality against parameters, MACs and latency."""
    stem = f"{scale}x-{list(data.datasets).index(dataset) + 1}-{file_stem(dataset)}"
    quality = _quality(data, scale, dataset)
    base = analysis.baselines.get((scale, dataset))
    unknown = [row for row in quality if row.is_external and not data.cost_of(row, scale)]
    note = " ".join(
        filter(None, (_without_cost(quality, unknown), _not_finite(data, scale, dataset)))
    )
    levels = [Level(row.title, quality[row]) for row in unknown]
    views: list[_View] = []

    def add(key: str, words: str, x_label: str, bounds: _Bounds, more: str = "") -> None:
        points = [
            _point(data, row, base, quality[row], scale, *x)
            for row, x in bounds.items()
            if row.has_network
        ]
        # One place on the axis for all is a sentence, not a plot.
        if points and (len({point.x for point in points}) > 1 or len(points) == 1):
            title = f"PSNR against {words}, {dataset} {scale}\u00d7"
            told = f"{more}{note}".strip() if not views or more else ""
            views.append(
                _View(f"{key}-{stem}", title, x_label, points, levels, scale, dataset, told)
            )

    for key, words in _COSTS.items():
        shown = CostResult.shown()[key]
        costs: dict[ReportRow, tuple[float, float | None, float | None]] = {}
        for row in quality:
            cost = data.cost_of(row, scale)
            x = cost.figure(key) if cost and cost.status == "done" else None
            if x is not None:
                costs[row] = (x / shown.axis_unit, None, None)
        add(key, words, shown.axis, costs)
    place, times = usual_latencies(data, scale)
    noisy = sum(t.is_noisy for t in times if t.row.has_network)
    caveat = f"; {plural(noisy, 'median')} marked noisy" if noisy else ""
    known = {row: median_bounds(time) for row in quality if (time := latency_of(times, row))}
    add("latency", "latency", "Median latency (ms)", known, f"{place}{caveat}. ")
    return views


_Bounds = Mapping[ReportRow, tuple[float, float | None, float | None]]


def _point(
    data: ReportData,
    row: ReportRow,
    base: ReportRow | None,
    mean: float,
    scale: int,
    x: float,
    low: float | None,
    high: float | None,
) -> Point:
    apart = base is not None and data.apart(row, base, scale) == "trained otherwise"
    return Point(row.title, x, mean, row == base, apart, low, high)


def _quality(data: ReportData, scale: int, dataset: str) -> dict[ReportRow, float]:
    """Finite mean PSNR by row."""
    cells = (data.cell(row, scale, dataset) for row in data.rows)
    return {
        cell.row: mean
        for cell in cells
        if cell is not None and (mean := cell.finite_mean(PSNR)) is not None
    }


def _without_cost(quality: dict[ReportRow, float], unknown: Sequence[ReportRow]) -> str:
    """Plain interpolation costs nothing that the axes show, and would squeeze the others."""
    plain = [
        f"{clean(row.title)} ({number(mean, 2)} dB)"
        for row, mean in quality.items()
        if not row.has_network
    ]
    external = [clean(row.title) for row in unknown]
    notes = [f"Not drawn, as it has no network: {', '.join(plain)}."] if plain else []
    if external:
        notes.append(f"A dotted line, as its cost is not known: {', '.join(external)}.")
    return " ".join(notes)


def _not_finite(data: ReportData, scale: int, dataset: str) -> str:
    """Networks that no axis has a place for."""
    cells = [data.cell(row, scale, dataset) for row in data.rows if row.has_network]
    means = [(c.row, m) for c in cells if c is not None and (m := c.mean(PSNR)) is not None]
    odd = [f"{clean(r.title)} ({number(m, 2)} dB)" for r, m in means if not math.isfinite(m)]
    return f"Not drawn, as the mean is not finite: {', '.join(odd)}." if odd else ""
