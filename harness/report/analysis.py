"""The statistics of every cell: intervals of means, and paired comparisons with the baseline."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from harness.metrics.registry import METRICS
from harness.report.data import ReportData
from harness.report.rows import Cost, Quality, ReportRow
from harness.report.verdicts import compare
from harness.statistics.bootstrap import bootstrap_means
from harness.statistics.paired import Paired


@dataclass(frozen=True)
class Estimate:
    """One metric of one cell.

    Attributes:
        low, high: bootstrap interval of the mean; None where there is none.
        paired: against the baseline; None for the baseline itself and where ``why`` says so.
    """

    low: float | None = None
    high: float | None = None
    paired: Paired | None = None
    why: str = ""


@dataclass(frozen=True)
class Analysis:
    """Estimates by (row, scale, dataset, metric key).

    Attributes:
        baseline_name: as the user asked for it.
        baselines: the baseline's row by (scale, dataset); of several rows of one variant the
            first that was measured at the scale: another would be another baseline.
    """

    baseline_name: str
    baselines: Mapping[tuple[int, str], ReportRow]
    estimates: Mapping[tuple[ReportRow, int, str, str], Estimate]

    @property
    def baseline_title(self) -> str:
        """What people read for the baseline: its row's title where it was measured."""
        rows = list(dict.fromkeys(self.baselines.values()))
        return rows[0].title if rows else self.baseline_name

    def estimate(self, row: ReportRow, scale: int, dataset: str, metric: str) -> Estimate:
        """The estimate; an empty one where the cell was not measured."""
        return self.estimates.get((row, scale, dataset, metric), Estimate())

    def is_baseline(self, row: ReportRow, scale: int, dataset: str) -> bool:
        """Whether this row is what the others of its cell are compared with."""
        return self.baselines.get((scale, dataset)) == row


def is_named(row: ReportRow, name: str) -> bool:
    """Whether a user who says ``name`` means this row: a variant's name, or a row's title."""
    full = replace(row, says_weights=True).title
    return name in (row.variant, row.title, full, f"{row.variant}@{row.weights}")


def named_variants(data: ReportData, name: str) -> frozenset[str]:
    """The variants that a user who says ``name`` means, wherever in the run they were measured."""
    measured = [*data.rows, *(cell.row for cell in data.cost.values())]
    measured += [cell.row for cell in data.latency]
    return frozenset(row.variant for row in measured if is_named(row, name))


def baseline_cost(data: ReportData, baseline: str, scale: int) -> Cost | None:
    """The baseline's cost at a scale, None where it was not counted."""
    found = (data.cost.get((variant, scale)) for variant in sorted(named_variants(data, baseline)))
    return next((cost for cost in found if cost and cost.status == "done"), None)


def analyse(data: ReportData, baseline: str) -> Analysis:
    """All statistics of a report; Holm's family is the rows of one scale and dataset."""
    baselines: dict[tuple[int, str], ReportRow] = {}
    estimates: dict[tuple[ReportRow, int, str, str], Estimate] = {}
    for scale in data.scales:
        at_scale = {(e, d): data.cell(e, scale, d) for e in data.rows for d in data.datasets}
        named = [row for (row, _), cell in at_scale.items() if cell and is_named(row, baseline)]
        # Of a variant whose authors' network was measured, too, it is ours.
        named.sort(key=lambda row: row.from_authors)
        for dataset in data.datasets:
            cells = [cell for e in data.rows if (cell := at_scale[e, dataset]) is not None]
            base = next((c for c in cells if c.row == named[0]), None) if named else None
            if base is not None:
                baselines[scale, dataset] = base.row
            for key in data.metrics:
                for cell, estimate in _family(cells, base, key):
                    estimates[cell.row, scale, dataset, key] = estimate
    return Analysis(baseline, baselines, estimates)


def _family(cells: list[Quality], base: Quality | None, key: str) -> list[tuple[Quality, Estimate]]:
    """One metric of the cells of one scale and dataset."""
    metric = METRICS[key]
    by_images: dict[tuple[str, ...], list[Quality]] = {}
    for cell in cells:
        if key in cell.values:
            by_images.setdefault(cell.images, []).append(cell)
    bounds: dict[ReportRow, tuple[float | None, float | None]] = {}
    for group in by_images.values():
        intervals = bootstrap_means(np.column_stack([cell.values[key] for cell in group]))
        for cell, low, high in zip(group, intervals.low, intervals.high, strict=True):
            usable = bool(np.isfinite(low))
            bounds[cell.row] = (float(low), float(high)) if usable else (None, None)
    reasons = {cell.row: why_not_paired(cell, base, key) for cell in cells}
    tested = [cell for cell in cells if cell is not base and not reasons[cell.row]]
    paired: dict[ReportRow, Paired] = {}
    if base is not None and tested:
        columns = np.column_stack([cell.values[key] for cell in tested])
        results = compare(metric, columns, base.values[key])
        paired = {cell.row: r for cell, r in zip(tested, results, strict=True)}
    return [
        (
            cell,
            Estimate(
                *bounds.get(cell.row, (None, None)),
                paired=paired.get(cell.row),
                why="" if cell is base else reasons[cell.row],
            ),
        )
        for cell in cells
    ]


def why_not_paired(cell: Quality, base: Quality | None, key: str) -> str:
    """Why two cells cannot be compared image by image; empty where they can."""
    if base is None:
        return "the baseline was not measured here"
    if key not in cell.values or key not in base.values:
        return "no figures per image in the record"
    if cell.images != base.images:
        return "other images than the baseline's"
    if cell.spec.dataset.sha256 != base.spec.dataset.sha256:
        return "the images' content differs from the baseline's"
    return ""
