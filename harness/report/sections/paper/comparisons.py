"""The paper's Table 1 with ours beside it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.metrics.registry import Metric
from harness.report import paper
from harness.report.data import ReportData
from harness.report.rows import ReportRow
from harness.report.table import Cell, Column, Row, Table, text_cell
from harness.report.text import NONE, joined, number, signed


@dataclass(frozen=True)
class Comparison:
    """One of our cells against the paper's.

    Attributes:
        row: our row; None where the paper has one that we have not.
        ours, theirs: means of the metric; ours is None where ``mark`` is *not measured*.
        why: the reason for *not measured*.
    """

    row: ReportRow | None
    paper_row: str
    scale: int
    dataset: str
    metric: Metric
    ours: float | None
    theirs: float
    mark: paper.Mark
    why: str = ""

    @property
    def delta(self) -> float | None:
        """Ours minus the paper's."""
        return None if self.ours is None else self.ours - self.theirs

    @property
    def met(self) -> bool:
        """Whether ours is reproduced or above: the one definition of a cell that is met."""
        return self.mark in ("reproduced", "above")


def compare_with_paper(data: ReportData) -> list[Comparison]:
    """Every cell of Table 1 for each of our rows that stands for one of its rows."""
    comparisons = []
    for (model, scale, dataset), cell in paper.paper_table().items():
        for row in _rows(data, model, scale):
            for metric in paper.METRICS.values():
                ours, why = _ours(data, row, scale, dataset, metric)
                theirs = cell.value(metric)
                mark: paper.Mark = (
                    "not measured" if ours is None else paper.mark(ours, theirs, metric.tolerance)
                )
                comparisons.append(
                    Comparison(row, model, scale, dataset, metric, ours, theirs, mark, why)
                )
    return comparisons


def _rows(data: ReportData, model: str, scale: int) -> Sequence[ReportRow | None]:
    """Our rows for one of the paper's at a scale; None stands for a row that we lack."""
    mine = [row for row in data.rows if row.paper_row == model]
    known = {row for row, at, _ in data.quality if at == scale}
    # Weights of other scales only have nothing to say here.
    return [row for row in mine if row in known] or mine[:1] or [None]


def _ours(
    data: ReportData, row: ReportRow | None, scale: int, dataset: str, metric: Metric
) -> tuple[float | None, str]:
    """Our mean where it may stand beside the paper's, else why not."""
    cell = data.cell(row, scale, dataset) if row else None
    if cell is None:
        return None, data.why_missing(row, scale, dataset)
    mean = cell.mean(metric)
    if mean is None or not math.isfinite(mean):
        return None, f"the mean is {number(mean, 2)}"
    images = paper.DATASET_IMAGES[dataset]
    if cell.n_images != images:
        return None, f"{cell.n_images} of {images} images only: {metric.value(mean)}"
    if cell.protocol != paper.PROTOCOL:
        return None, f"measured with {cell.protocol}, the paper's is {paper.PROTOCOL}"
    return mean, ""


def paper_tables(data: ReportData, comparisons: Iterable[Comparison]) -> list[Table]:
    """One table per measured scale, in the paper's layout: datasets across, models down."""
    comparisons = list(comparisons)
    best = best_of(data, comparisons)
    by_scale: dict[int, list[Comparison]] = {}
    for comparison in comparisons:
        by_scale.setdefault(comparison.scale, []).append(comparison)
    measured = {scale for scale, rows in by_scale.items() if any(c.ours is not None for c in rows)}
    # Scales that the run has nothing of would only repeat the paper.
    return [
        _table(scale, rows, best) for scale, rows in sorted(by_scale.items()) if scale in measured
    ]


def _table(scale: int, comparisons: list[Comparison], best: set[Comparison]) -> Table:
    rows: dict[tuple[str, ReportRow | None], list[Comparison]] = {}
    for comparison in comparisons:
        rows.setdefault((comparison.paper_row, comparison.row), []).append(comparison)
    # A dataset of which nothing was measured has no columns, but a note.
    ours = {c.dataset for c in comparisons if c.ours is not None}
    datasets = [dataset for dataset in paper.DATASET_IMAGES if dataset in ours]
    columns = [Column("model", "Model", "As in the paper, then whose weights", numeric=False)]
    columns += [
        Column(f"{dataset}_{key}", f"{dataset} {metric.label}", f"ours{metric.in_unit}")
        for dataset in datasets
        for key, metric in paper.METRICS.items()
    ]
    body = []
    for (model, row), cells in rows.items():
        by_column = {(c.dataset, c.metric.key): c for c in cells}
        name = text_cell(row.title if row else model)
        figures = [
            _cell(by_column[dataset, key], best) for dataset in datasets for key in paper.METRICS
        ]
        body.append(Row([name, *figures], scale=scale))
    return Table(
        f"paper-{scale}x",
        f"Table 1 at {scale}\u00d7, ours over the paper's",
        columns,
        body,
        _reasons(comparisons),
    )


def _reasons(comparisons: Iterable[Comparison]) -> list[str]:
    """Why cells are not measured: in words, for whom a tooltip does not reach."""
    comparisons = list(comparisons)
    whys: dict[str, set[str]] = {}
    for c in comparisons:
        whys.setdefault(c.dataset, set()).add("" if c.ours is not None else c.why)
    # A dataset that all lack for one reason is said once.
    absent: dict[str, list[str]] = {}
    for dataset, found in whys.items():
        if len(found) == 1 and (why := next(iter(found))):
            absent.setdefault(why, []).append(dataset)
    whole = {dataset for datasets in absent.values() for dataset in datasets}
    rows: dict[str, dict[str, dict[str, None]]] = {}
    for c in comparisons:
        if c.mark == "not measured" and c.dataset not in whole:
            name = c.row.title if c.row else c.paper_row
            rows.setdefault(c.why, {}).setdefault(name, {})[c.dataset] = None
    notes = [f"Not measured: {joined(datasets)}: {why}." for why, datasets in absent.items()]
    for why, by_name in rows.items():
        # Rows that lack the same datasets for the same reason share a sentence.
        alike: dict[tuple[str, ...], list[str]] = {}
        for name, datasets in by_name.items():
            alike.setdefault(tuple(datasets), []).append(name)
        for places, names in alike.items():
            notes.append(f"Not measured: {joined(names)} on {joined(list(places))}: {why}.")
    return notes


def groups_of(data: ReportData, scale: int, rows: Iterable[ReportRow]) -> list[list[ReportRow]]:
    """The rows, each once, in groups: computed alike, not told to be trained otherwise."""
    groups: list[list[ReportRow]] = []
    for row in dict.fromkeys(rows):
        for group in groups:
            first = group[0]
            same_kind = (row.has_network, row.execution) == (first.has_network, first.execution)
            if same_kind and data.apart(row, first, scale) != "trained otherwise":
                group.append(row)
                break
        else:
            groups.append([row])
    return groups


def best_of(data: ReportData, comparisons: Iterable[Comparison]) -> set[Comparison]:
    """Of our cells in a column the best of each group of several, as printed: ties are all best."""
    columns: dict[tuple[int, str, str], list[Comparison]] = {}
    for c in comparisons:
        if c.ours is not None:
            columns.setdefault((c.scale, c.dataset, c.metric.key), []).append(c)
    best = set()
    for (scale, _, _), column in columns.items():
        metric = column[0].metric
        for rows in groups_of(data, scale, (c.row for c in column if c.row)):
            cells = {c: round(c.ours or 0.0, metric.digits) for c in column if c.row in rows}
            if len(cells) > 1:
                best |= {c for c, shown in cells.items() if shown == max(cells.values())}
    return best


def _cell(comparison: Comparison, best: set[Comparison]) -> Cell:
    metric = comparison.metric
    printed = number(comparison.theirs, paper.printed_digits(metric))
    if comparison.ours is None:
        return Cell(
            NONE,
            note=f"not measured: {comparison.why}; the paper has {printed}",
            marks=("missing",),
            sub=printed,
        )
    delta = signed(comparison.delta, metric.digits)
    return Cell(
        metric.value(comparison.ours),
        value=comparison.ours,
        note=f"ours minus the paper's: {delta} ({comparison.mark})",
        marks=(comparison.mark, *(("best",) if comparison in best else ())),
        sub=f"{printed}\n{delta} {paper.MARKS[comparison.mark]}",
    )


def long_table(comparisons: Iterable[Comparison]) -> Table:
    """The same as one row per cell, for CSV."""
    columns = [
        Column("model", "Model", numeric=False),
        Column("weights", "Weights", numeric=False),
        Column("dtype", "Dtype", numeric=False),
        Column("backend", "Backend", numeric=False),
        Column("scale", "Scale"),
        Column("dataset", "Dataset", numeric=False),
        Column("metric", "Metric", numeric=False),
        Column("unit", "Unit", numeric=False),
        Column("ours", "Ours"),
        Column("paper", "Paper"),
        Column("delta", "Delta"),
        Column("mark", "Mark", numeric=False),
        Column("why", "Why", numeric=False),
    ]
    rows = [
        Row(
            [
                text_cell(c.row.label if c.row else c.paper_row),
                text_cell(c.row.weights if c.row else ""),
                text_cell(c.row.dtype if c.row else ""),
                text_cell(c.row.backend if c.row else ""),
                Cell(str(c.scale), value=c.scale),
                text_cell(c.dataset),
                text_cell(c.metric.key),
                text_cell(c.metric.unit),
                Cell("", value=c.ours),
                Cell("", value=c.theirs),
                Cell("", value=c.delta),
                text_cell(c.mark),
                text_cell(c.why),
            ]
        )
        for c in comparisons
    ]
    return Table("paper", "Table 1 and ours", columns, rows)
