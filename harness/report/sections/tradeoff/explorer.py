"""The figures of every network, for a plot whose axes a reader chooses."""

import math
from collections.abc import Mapping

from harness.jobs.cost.models import CostResult
from harness.report.analysis import Analysis, named_variants
from harness.report.blocks import Axis, Dot, Explorer
from harness.report.data import ReportData
from harness.report.latencies import latency_of, usual_latencies
from harness.report.rows import ReportRow
from harness.report.speed import without_drift

LATENCY_AXIS = "Latency (ms), without drift"
_COSTS = {name: shown for name, shown in CostResult.shown().items() if shown.axis}


def explorer(data: ReportData, analysis: Analysis) -> Explorer:
    """One dot per network, scale and dataset; interpolation, which costs nothing, is none."""
    times = latencies(data, analysis)
    dots = [
        dot
        for scale in data.scales
        for dataset in data.datasets
        for row in data.rows
        if row.has_network and (dot := _dot(data, analysis, row, scale, dataset, times))
    ]
    axes = []
    for key, metric in data.metrics.items():
        axes.append(Axis(f"{key}_delta", f"\u0394 {metric.heading}", metric.higher_is_better))
        axes.append(Axis(key, metric.heading, metric.higher_is_better))
    axes += [Axis(key, one.axis, is_better_high=False) for key, one in _COSTS.items()]
    axes.append(Axis("latency_ms", LATENCY_AXIS, is_better_high=False))
    known = {key for dot in dots for key in dot.figures}
    return Explorer(
        [axis for axis in axes if axis.key in known],
        dots if len(known) > 1 else [],
        analysis.baseline_title,
    )


def latencies(
    data: ReportData, analysis: Analysis
) -> dict[tuple[ReportRow, int], tuple[float, float, float]]:
    """Times in ms of each row and scale, and their bounds, for comparing them with each other."""
    names = named_variants(data, analysis.baseline_name)
    found = {}
    for scale in data.scales:
        _, times = usual_latencies(data, scale)
        for row in data.rows:
            if row.has_network and (time := latency_of(times, row)):
                found[row, scale] = without_drift(time, times, names)
    return found


def _dot(
    data: ReportData,
    analysis: Analysis,
    row: ReportRow,
    scale: int,
    dataset: str,
    times: Mapping[tuple[ReportRow, int], tuple[float, float, float]],
) -> Dot | None:
    cell = data.cell(row, scale, dataset)
    if cell is None:
        return None
    figures: dict[str, tuple[float, float, float]] = {}
    base = analysis.baselines.get((scale, dataset))
    for key, metric in data.metrics.items():
        if (mean := cell.finite_mean(metric)) is not None:
            figures[key] = (mean, mean, mean)
        paired = analysis.estimate(row, scale, dataset, key).paired
        if row == base:
            figures[f"{key}_delta"] = (0.0, 0.0, 0.0)
        elif paired and math.isfinite(paired.mean):
            ends = (paired.low, paired.high) if math.isfinite(paired.low) else (paired.mean,) * 2
            figures[f"{key}_delta"] = (paired.mean, *ends)
    cost = data.cost.get((row.variant, scale))
    for key, one in _COSTS.items():
        value = cost.figure(key) if cost and cost.status == "done" else None
        if value is not None:
            figures[key] = (value / one.axis_unit,) * 3
    if time := times.get((row, scale)):
        figures["latency_ms"] = time
    otherwise = base is not None and data.apart(row, base, scale) == "trained otherwise"
    return Dot(row.title, scale, dataset, figures, is_baseline=row == base, is_apart=otherwise)
