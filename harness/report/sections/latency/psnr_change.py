"""What another dtype or backend changes in PSNR: speed is not to be bought with unseen loss."""

import math
from dataclasses import dataclass, replace

from harness.metrics.registry import PSNR
from harness.report.analysis import why_not_paired
from harness.report.data import ReportData
from harness.report.rows import DEFAULT_BACKEND, DEFAULT_DTYPE, Latency
from harness.statistics.bootstrap import mean_of
from harness.statistics.paired import paired_differences


@dataclass(frozen=True)
class PsnrChange:
    """Mean PSNR less that in eager float32, with the same weights, in dB: below 0 is a loss."""

    dataset: str
    weights: str
    difference: float


def psnr_changes(data: ReportData, cell: Latency) -> tuple[list[PsnrChange], str]:
    """The changes at a latency row's scale, the worst first; and why there are none."""
    if not cell.row.has_network:
        return [], "no network"
    if cell.row.is_plain:
        return [], "eager float32 is what the others are compared with"
    found, why = [], f"no quality was measured with {', '.join(cell.row.execution)}"
    for (row, scale, dataset), quality in data.quality.items():
        if (row.variant, scale) != (cell.row.variant, cell.scale):
            continue
        if row.execution != cell.row.execution or quality.status != "done":
            continue
        plain = replace(row, dtype=DEFAULT_DTYPE, backend=DEFAULT_BACKEND)
        reference = data.cell(plain, scale, dataset)
        if reference is None:
            why = "no quality was measured in eager float32 to compare with"
        elif reason := why_not_paired(quality, reference, PSNR.key):
            why = reason.replace("the baseline's", "eager float32's")
        else:
            ours, theirs = quality.finite_mean(PSNR), reference.finite_mean(PSNR)
            difference = None if ours is None or theirs is None else ours - theirs
            if difference is None:
                # Images that both reproduce exactly differ by 0.
                columns = quality.values[PSNR.key][:, None], reference.values[PSNR.key]
                difference = float(mean_of(paired_differences(*columns))[0])
            if math.isfinite(difference):
                found.append(PsnrChange(dataset, row.weights, difference))
            else:
                why = "a difference is no finite number"
    return sorted(found, key=lambda change: change.difference), "" if found else why
