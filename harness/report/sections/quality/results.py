"""The table to look at first: one row per network, datasets across, and what it costs."""

import math
from collections.abc import Sequence

from harness.metrics.registry import Metric
from harness.report.analysis import Analysis
from harness.report.blocks import Bullets, Details, TableBlock
from harness.report.data import ReportData
from harness.report.latencies import time_of, usual_latencies
from harness.report.rows import ReportRow
from harness.report.table import Cell, Column, Row, Table
from harness.report.text import NONE, number, plural, si
from harness.report.verdicts import SIGNS

_SHADES = {"better": ("above",), "worse": ("below",)}
AUTHORS = "Released by the authors, trained differently"


def results_tables(data: ReportData, analysis: Analysis) -> list[TableBlock]:
    """One per scale and metric: means, differences to the baseline, parameters, MACs, ms."""
    return [
        TableBlock(table, scale=scale, metric=metric.key, csv="statistics")
        for metric in data.metrics.values()
        for scale in data.scales
        if (table := _table(data, analysis, scale, metric)).rows
    ]


def _table(data: ReportData, analysis: Analysis, scale: int, metric: Metric) -> Table:
    datasets = [
        dataset
        for dataset in data.datasets
        if any(
            cell.mean(metric) is not None
            for row in data.rows
            if (cell := data.cell(row, scale, dataset))
        )
    ]
    place, times = usual_latencies(data, scale)
    columns = [Column("network", "Network", "in brackets what sets it apart", numeric=False)]
    columns += [
        Column(
            f"{metric.key}_{dataset}_{scale}x",
            dataset,
            f"mean {metric.label} over images{metric.in_unit}; below it the mean difference of the "
            "same images to the baseline",
            of={"scale": scale, "dataset": dataset},
            fact=metric.key,
        )
        for dataset in datasets
    ]
    columns += [
        Column("params", "Parameters", "each shared weight once"),
        Column("macs", "MACs", "multiply-accumulates of one forward pass"),
    ]
    if times:
        columns.append(Column("median_ms", "ms", f"median of a forward pass, {place}"))
    rows = []
    # Theirs last: another recipe, other data.
    for row in sorted(data.rows, key=lambda row: row.from_authors):
        found = [_cell(data, analysis, row, scale, dataset, metric) for dataset in datasets]
        if all(cell.value is None for cell in found):
            continue
        is_base = any(analysis.is_baseline(row, scale, dataset) for dataset in datasets)
        name = Cell(row.title, value=row.title, sub="baseline" if is_base else "")
        cost = data.cost_of(row, scale)
        params, macs = (cost.figure(key) if cost else None for key in ("params", "macs"))
        source = cost.result.told_by if cost and cost.result else None
        note, below = (f"as {source} says", "not counted here") if source else ("", "")
        figures = [
            Cell(number(params, 0), value=params, note=note, sub=below),
            Cell(si(macs), value=macs, note=note, sub=below),
        ]
        if times:
            time = time_of(times, row)
            figures.append(Cell(number(time, 2), value=time))
        rows.append(
            Row(
                [name, *found, *figures],
                scale,
                marks=("baseline",) if is_base else (),
                group=AUTHORS if row.from_authors else "",
            )
        )
    return Table(
        f"results-{metric.key.removesuffix('_y')}-{scale}x",
        f"{metric.heading} at {scale}\u00d7, and the difference to {analysis.baseline_title}",
        columns,
        rows,
    )


def _cell(
    data: ReportData,
    analysis: Analysis,
    row: ReportRow,
    scale: int,
    dataset: str,
    metric: Metric,
) -> Cell:
    cell = data.cell(row, scale, dataset)
    mean = cell.mean(metric) if cell else None
    if mean is None:
        return Cell(NONE, note=data.why_missing(row, scale, dataset), marks=("missing",))
    paired = analysis.estimate(row, scale, dataset, metric.key).paired
    if paired is None or not math.isfinite(paired.mean):
        return Cell(metric.value(mean), value=mean)
    return Cell(
        metric.value(mean),
        value=mean,
        note=f"{paired.verdict}{': ' + paired.why if paired.why else ''}",
        # The difference has the colour, not the mean.
        marks=_SHADES.get(paired.verdict, ()),
        sub=f"{metric.delta(paired.mean)} {SIGNS[paired.verdict]}".strip(),
    )


def not_trained(data: ReportData) -> Details:
    """Networks without a figure, folded away."""
    whys: dict[str, list[str]] = {}
    for row in data.rows:
        cells = [cell for (other, _, _), cell in data.quality.items() if other == row]
        if cells and all(cell.status != "done" for cell in cells):
            why = "; ".join(dict.fromkeys(cell.reason for cell in cells))
            whys.setdefault(why, []).append(row.title)
    items: Sequence[str] = [f"{', '.join(names)}: {why}" for why, names in whys.items()]
    count = sum(len(names) for names in whys.values())
    return Details(f"{plural(count, 'network')} without figures", [Bullets(items)])
