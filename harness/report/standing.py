"""How rows stand against the baseline and against each other, over all scales and datasets.

What findings may say rests on this: verdicts of single cells, and one interval of the mean over
the cells. Only networks that were trained and are computed as the baseline is stand here.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis, why_not_paired
from harness.report.data import ReportData
from harness.report.rows import Float64Array, Place, ReportRow
from harness.report.verdicts import compare
from harness.statistics.paired import (
    ALPHA,
    Paired,
    Pooled,
    holm,
    paired_differences,
    pooled_mean,
)

FINDING_ALPHA = 0.01
"""Findings are read without their conditions: they have to be wrong more rarely than one cell."""

Direction = Literal["better", "worse", "mixed", "some", "equivalent", "none", "unknown"]


@dataclass(frozen=True)
class Standing:
    """How one row does in PSNR against the baseline, over the cells that both have.

    Attributes:
        places: where both were measured on the same images.
        tested: those of them with enough images for a verdict.
        verdicts: how many cells ended in which verdict.
        equivalent: how many intervals lie within the margin.
        mean: over ``tested``, each cell counted once; None without any.
        clear: verdicts that hold beside those of all other cells, too: Holm-corrected over them
            and below ``FINDING_ALPHA``.
        untold: whether it is not known how one of the two was trained.
    """

    row: ReportRow
    places: tuple[Place, ...]
    tested: tuple[Place, ...]
    verdicts: Counter[str]
    equivalent: int
    mean: Pooled | None
    clear: Counter[str]
    untold: bool = False

    @property
    def better(self) -> int:
        """Cells where it is shown better."""
        return self.verdicts["better"]

    @property
    def worse(self) -> int:
        """Cells where it is shown worse."""
        return self.verdicts["worse"]

    @property
    def direction(self) -> Direction:
        """What the cells say together.

        ``better`` and ``worse`` need a clear verdict of that kind and none of the other, ``mixed``
        a clear one of each; ``some`` is verdicts without that, as chance gives them among many.
        """
        if not self.tested or self.mean is None:
            return "unknown"
        if self.clear["better"] and self.clear["worse"]:
            return "mixed"
        if self.better or self.worse:
            if self.clear["better"] and not self.worse:
                return "better"
            return "worse" if self.clear["worse"] and not self.better else "some"
        return "equivalent" if self.equivalent == len(self.tested) else "none"


def standings(data: ReportData, analysis: Analysis) -> list[Standing]:
    """Every row that computes as the baseline does and was not trained otherwise, in order."""
    found = []
    for row in data.rows:
        cells: dict[Place, Paired] = {}
        untold = False
        for place, base in analysis.baselines.items():
            paired = analysis.estimate(row, *place, PSNR.key).paired
            if paired is None or not math.isfinite(paired.mean):
                continue
            if row.has_network and not row.is_external and row.execution != base.execution:
                continue
            apart = data.apart(row, base, place[0])
            if apart != "trained otherwise":
                cells[place] = paired
                untold |= bool(apart)
        if cells:
            tested = tuple(p for p, cell in cells.items() if cell.verdict != "no verdict")
            found.append(
                Standing(
                    row,
                    tuple(cells),
                    tested,
                    Counter(str(cell.verdict) for cell in cells.values()),
                    sum(cell.equivalent for cell in cells.values()),
                    pooled_difference(data, [(p, row, analysis.baselines[p]) for p in tested]),
                    _clear([cells[place] for place in tested]),
                    untold=untold,
                )
            )
    return found


def is_candidate(row: ReportRow) -> bool:
    """Whether findings may be about a row: a network that this harness ran."""
    return row.has_network and not row.is_external


def _clear(cells: Sequence[Paired]) -> Counter[str]:
    corrected = holm(np.array([cell.p_holm for cell in cells]))
    return Counter(
        str(cell.verdict)
        for cell, p in zip(cells, corrected, strict=True)
        if p < FINDING_ALPHA and cell.verdict in ("better", "worse")
    )


def pooled_difference(
    data: ReportData, cells: Iterable[tuple[Place, ReportRow, ReportRow]]
) -> Pooled | None:
    """The mean difference in PSNR over cells, each counted once; scales of a dataset share images.

    Args:
        data: the report's.
        cells: place, our row and theirs.
    """
    strata: dict[tuple[str, tuple[str, ...]], list[Float64Array]] = {}
    for place, ours, theirs in cells:
        a, b = data.cell(ours, *place), data.cell(theirs, *place)
        if a is None or b is None:
            return None
        values = paired_differences(a.values[PSNR.key][:, None], b.values[PSNR.key])[:, 0]
        strata.setdefault((a.dataset, a.images), []).append(values)
    return pooled_mean([np.column_stack(columns) for columns in strata.values()])


@dataclass(frozen=True)
class HeadToHead:
    """Two rows compared directly.

    Attributes:
        better, worse: cells where ours is shown so, Holm-corrected over the cells.
        p: the least corrected p of those where it is shown better; 1 without any.
        cells: how many can carry a verdict.
        mean: over those cells.
    """

    better: int
    worse: int
    cells: int
    p: float
    mean: Pooled | None


def head_to_head(data: ReportData, ours: ReportRow, theirs: ReportRow) -> HeadToHead:
    """In how many cells ours is shown better, of how many that can carry a verdict."""
    found: dict[Place, Paired] = {}
    for scale in data.scales:
        for dataset in data.datasets:
            a, b = data.cell(ours, scale, dataset), data.cell(theirs, scale, dataset)
            if a is None or b is None or why_not_paired(a, b, PSNR.key):
                continue
            paired = compare(PSNR, a.values[PSNR.key][:, None], b.values[PSNR.key])[0]
            if paired.verdict != "no verdict":
                found[scale, dataset] = paired
    corrected = holm(np.array([paired.p for paired in found.values()]))
    counts = Counter(
        paired.verdict for paired, p in zip(found.values(), corrected, strict=True) if p < ALPHA
    )
    clear = (
        float(p)
        for paired, p in zip(found.values(), corrected, strict=True)
        if paired.verdict == "better"
    )
    mean = pooled_difference(data, [(place, ours, theirs) for place in found])
    return HeadToHead(counts["better"], counts["worse"], len(found), min(clear, default=1.0), mean)


def leaders(data: ReportData, ranked: Sequence[Standing]) -> list[Standing]:
    """The row with the highest mean, and all that are not shown to be behind it.

    A row is behind if a cell shows it, corrected over the cells and rows, none shows the opposite,
    and the mean over the cells is lower.

    Args:
        data: the report's.
        ranked: at least one, over the same cells.
    """
    ordered = sorted(ranked, key=lambda s: -s.mean.mean if s.mean else math.inf)
    first, others = ordered[0], ordered[1:]
    duels = [head_to_head(data, first.row, other.row) for other in others]
    p = holm(np.array([duel.p for duel in duels]))
    return [first] + [
        other
        for other, duel, corrected in zip(others, duels, p, strict=True)
        if not (_ahead(duel) and corrected < FINDING_ALPHA)
    ]


def _ahead(duel: HeadToHead) -> bool:
    return duel.better > 0 and duel.worse == 0 and duel.mean is not None and duel.mean.mean > 0
