"""Quality against parameters, MACs and latency, drawn for readers without a script."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.jobs.cost.models import CostResult
from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis
from harness.report.blocks import Plot
from harness.report.data import ReportData
from harness.report.latencies import usual_latencies
from harness.report.plots.pareto import Level, Point, article_plot, pareto_plot
from harness.report.rows import ReportRow
from harness.report.sections.tradeoff.explorer import LATENCY_AXIS, latencies
from harness.report.text import clean, file_stem, number, si

_COSTS = {"params": "parameters", "macs": "MACs"}


@dataclass(frozen=True)
class _View:
    """One plot before it is drawn."""

    name: str
    title: str
    x_label: str
    y_label: str
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
                y_label=view.y_label,
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
            y_label=view.y_label,
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
    times = latencies(data, analysis)
    return [
        view
        for scale in data.scales
        for dataset in datasets
        for view in _against_cost(data, analysis, scale, dataset, times)
    ]


def _against_cost(
    data: ReportData,
    analysis: Analysis,
    scale: int,
    dataset: str,
    times: Mapping[tuple[ReportRow, int], tuple[float, float, float]],
) -> list[_View]:
    """Quality against parameters, MACs and latency."""
    stem = f"{scale}x-{list(data.datasets).index(dataset) + 1}-{file_stem(dataset)}"
    base = analysis.baselines.get((scale, dataset))
    quality = _quality(data, analysis, scale, dataset)
    y_label = PSNR.heading if base is None else f"\u0394 {PSNR.heading}"
    unknown = [row for row in quality if row.is_external and not data.cost_of(row, scale)]
    note = " ".join(
        filter(None, (_without_cost(quality, unknown), _not_finite(data, scale, dataset)))
    )
    levels = [Level(row.title, quality[row][0]) for row in unknown]
    views: list[_View] = []

    def add(key: str, words: str, x_label: str, bounds: _Bounds, more: str = "") -> None:
        points = [
            _point(data, row, base, quality[row], scale, x)
            for row, x in bounds.items()
            if row.has_network
        ]
        # One place on the axis for all is a sentence, not a plot.
        if points and (len({point.x for point in points}) > 1 or len(points) == 1):
            title = f"PSNR against {words}, {dataset} {scale}\u00d7"
            told = f"{more}{note}".strip() if not views or more else ""
            views.append(
                _View(
                    f"{key}-{stem}", title, x_label, y_label, points, levels, scale, dataset, told
                )
            )

    for key, words in _COSTS.items():
        shown = CostResult.shown()[key]
        costs: dict[ReportRow, _Known] = {}
        for row in quality:
            cost = data.cost_of(row, scale)
            x = cost.figure(key) if cost and cost.status == "done" else None
            if x is not None:
                costs[row] = (x / shown.axis_unit, None, None)
        add(key, words, shown.axis, costs)
    place, _ = usual_latencies(data, scale)
    known = {row: time for row in quality if (time := times.get((row, scale)))}
    how = "the baseline's median over the speed that rounds in common show"
    add("latency", "latency", LATENCY_AXIS, known, f"{place}: {how}. ")
    return views


_Known = tuple[float, float | None, float | None]
"""A figure, and its bounds where they are known."""
_Bounds = Mapping[ReportRow, _Known]


def _point(
    data: ReportData,
    row: ReportRow,
    base: ReportRow | None,
    quality: _Known,
    scale: int,
    cost: _Known,
) -> Point:
    apart = base is not None and data.apart(row, base, scale) == "trained otherwise"
    (x, x_low, x_high), (y, y_low, y_high) = cost, quality
    return Point(row.title, x, y, row == base, apart, x_low, x_high, y_low, y_high)


def _quality(
    data: ReportData, analysis: Analysis, scale: int, dataset: str
) -> dict[ReportRow, _Known]:
    """Finite mean differences in PSNR to the baseline; without one, finite means."""
    base = analysis.baselines.get((scale, dataset))
    found: dict[ReportRow, _Known] = {}
    for row in data.rows:
        cell = data.cell(row, scale, dataset)
        mean = cell.finite_mean(PSNR) if cell else None
        paired = analysis.estimate(row, scale, dataset, PSNR.key).paired
        if mean is None:
            continue
        if base is None:
            found[row] = (mean, None, None)
        elif row == base:
            found[row] = (0.0, None, None)
        elif paired and math.isfinite(paired.mean):
            bounds = (paired.low, paired.high) if math.isfinite(paired.low) else (None, None)
            found[row] = (paired.mean, *bounds)
    return found


def _without_cost(quality: Mapping[ReportRow, _Known], unknown: Sequence[ReportRow]) -> str:
    """Plain interpolation costs nothing that the axes show, and would squeeze the others."""
    plain = [
        f"{clean(row.title)} ({number(y, 2)} dB)"
        for row, (y, _, _) in quality.items()
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
