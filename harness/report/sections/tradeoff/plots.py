"""Quality against parameters, MACs and latency."""

import math
from collections.abc import Iterator

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis
from harness.report.blocks import Plot
from harness.report.data import ReportData
from harness.report.latencies import time_of, usual_latencies
from harness.report.plots.pareto import Level, Point, pareto_plot
from harness.report.rows import ReportRow
from harness.report.text import clean, file_stem, number, plural

_COSTS = (
    ("params", "parameters", "Parameters (thousands)", 1e3),
    ("macs", "MACs", "MACs of a forward pass (G)", 1e9),
)


def pareto_plots(data: ReportData, analysis: Analysis) -> list[Plot]:
    """One per scale, dataset and cost."""
    return [
        plot
        for scale in data.scales
        for i, dataset in enumerate(data.datasets)
        for plot in _against_cost(
            data, analysis, scale, dataset, f"{scale}x-{i + 1}-{file_stem(dataset)}"
        )
    ]


def _against_cost(
    data: ReportData, analysis: Analysis, scale: int, dataset: str, stem: str
) -> Iterator[Plot]:
    """Quality against parameters, MACs and latency."""
    quality = _quality(data, scale, dataset)
    base = analysis.baselines.get((scale, dataset))
    note = " ".join(filter(None, (_without_cost(quality), _not_finite(data, scale, dataset))))
    for key, words, x_label, unit in _COSTS:
        costs = {}
        for row in quality:
            cost = data.cost.get((row.variant, scale))
            x = cost.figure(key) if cost and cost.status == "done" else None
            if x is not None:
                costs[row] = x / unit
        title = f"PSNR against {words}, {dataset} {scale}\u00d7"
        if svg := _pareto(quality, costs, base, title, x_label):
            yield Plot(f"{key}-{stem}", title, svg, scale, dataset, note)
            note = ""
    place, times = usual_latencies(data, scale)
    title = f"PSNR against latency, {dataset} {scale}\u00d7"
    costs = {e: t for e in quality if (t := time_of(times, e)) is not None}
    if svg := _pareto(quality, costs, base, title, "Median latency (ms)"):
        noisy = sum(t.noisy for t in times if t.row.has_network)
        caveat = f"; {plural(noisy, 'median')} marked noisy" if noisy else ""
        words = f"{place}{caveat}. {note}".strip()
        yield Plot(f"latency-{stem}", title, svg, scale, dataset, words)


def _pareto(
    quality: dict[ReportRow, float],
    costs: dict[ReportRow, float],
    base: ReportRow | None,
    title: str,
    x_label: str,
) -> str:
    points = [
        Point(row.title, x, quality[row], row == base)
        for row, x in costs.items()
        if row.has_network and not row.is_external
    ]
    if not points:
        return ""
    levels = [Level(row.title, mean) for row, mean in quality.items() if row.is_external]
    return pareto_plot(points, title=title, x_label=x_label, y_label=PSNR.heading, levels=levels)


def _quality(data: ReportData, scale: int, dataset: str) -> dict[ReportRow, float]:
    """Finite mean PSNR by row."""
    cells = (data.cell(row, scale, dataset) for row in data.rows)
    return {
        cell.row: mean
        for cell in cells
        if cell is not None and (mean := cell.finite_mean(PSNR)) is not None
    }


def _without_cost(quality: dict[ReportRow, float]) -> str:
    """Plain interpolation costs nothing that the axes show, and would squeeze the others."""
    plain = [
        f"{clean(row.title)} ({number(mean, 2)} dB)"
        for row, mean in quality.items()
        if not row.has_network
    ]
    external = [clean(row.title) for row in quality if row.is_external]
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
