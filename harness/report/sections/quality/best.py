"""Which network is shown best, among those that were trained and are computed alike."""

from collections import Counter

import numpy as np

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis, why_not_paired
from harness.report.data import ReportData
from harness.report.rows import Quality, ReportRow
from harness.report.section import Finding
from harness.report.standing import FINDING_ALPHA, is_candidate
from harness.report.text import PLACE, fraction
from harness.report.verdicts import compare
from harness.statistics.paired import Paired, holm


def best_quality(data: ReportData, analysis: Analysis) -> Finding | None:
    """Who is shown better in PSNR than every other network trained alike, and where.

    Every comparison with the highest mean of a cell is corrected for all others of the report.
    """
    duels: dict[tuple[int, str], tuple[ReportRow, list[tuple[Paired, float]]]] = {}
    cells = 0
    most = 0
    for scale in data.scales:
        for dataset in data.datasets:
            base = analysis.baselines.get((scale, dataset))
            group = [] if base is None else _group(data, base, scale, dataset)
            if len(group) < 2:
                continue
            cells += 1
            most = max(most, len(group))
            first = max(group, key=lambda cell: cell.means[PSNR.key])
            found = []
            for other in group:
                if other is not first and not why_not_paired(first, other, PSNR.key):
                    values = first.values[PSNR.key][:, None]
                    paired = compare(PSNR, values, other.values[PSNR.key])[0]
                    found.append((paired, max(paired.p, _told(analysis, first, other))))
            if len(found) == len(group) - 1:
                duels[scale, dataset] = first.row, found
    if not duels:
        return None
    flat = [p for _, found in duels.values() for _, p in found]
    corrected = iter(holm(np.array(flat)))
    won: Counter[ReportRow] = Counter()
    for row, found in duels.values():
        clear = [next(corrected) < FINDING_ALPHA for _ in found]
        won[row] += all(clear) and all(paired.verdict == "better" for paired, _ in found)
    winner, count = won.most_common(1)[0]
    others = sum(n for row, n in won.items() if row != winner)
    if not count or others:
        return None
    others_there = "the other network" if most == 2 else f"every other network (up to {most - 1})"
    detail = f"There it is better than {others_there} trained alike"
    if count < cells:
        detail += "; elsewhere none is shown best"
    return Finding(
        40,
        f"{winner.title} is shown best in PSNR in {fraction(count, cells, *PLACE)}.",
        f"{detail}.",
    )


def _told(analysis: Analysis, one: Quality, other: Quality) -> float:
    """The p of the tables, where one is the baseline: no finding is surer of it than they are."""
    base = analysis.baselines.get((one.scale, one.dataset))
    rest = [cell for cell in (one, other) if cell.row != base]
    if len(rest) > 1:
        return 0.0
    paired = analysis.estimate(rest[0].row, one.scale, one.dataset, PSNR.key).paired
    return paired.p_holm if paired else 1.0


def _group(data: ReportData, base: ReportRow, scale: int, dataset: str) -> list[Quality]:
    """Networks that were trained and are computed as the baseline is; none if a mean is odd."""
    cells = [data.cell(row, scale, dataset) for row in data.rows if is_candidate(row)]
    group = [
        cell
        for cell in cells
        if cell is not None
        and cell.row.execution == base.execution
        and data.apart(cell.row, base, scale) != "trained otherwise"
    ]
    return group if all(cell.finite_mean(PSNR) is not None for cell in group) else []
