"""What a faster way to compute loses in PSNR, so that nobody buys speed with unseen loss."""

import math
from dataclasses import dataclass, replace

from harness.report.analysis import why_not_paired
from harness.report.data import ReportData
from harness.report.metrics import PSNR
from harness.report.rows import DEFAULT_BACKEND, DEFAULT_DTYPE, Latency
from harness.statistics.bootstrap import mean_of
from harness.statistics.paired import paired_differences


@dataclass(frozen=True)
class Loss:
    """Mean PSNR of a way less that of eager float32, same weights, in dB: below 0 is a loss."""

    dataset: str
    weights: str
    difference: float


def losses(data: ReportData, cell: Latency) -> tuple[list[Loss], str]:
    """The losses of a latency row's way at its scale, the worst first; and why there are none."""
    way = (cell.row.dtype, cell.row.backend)
    if not cell.row.has_network:
        return [], "no network"
    if cell.row.is_plain:
        return [], "eager float32 is what the others are compared with"
    found, why = [], f"no quality was measured with {', '.join(way)}"
    for (row, scale, dataset), quality in data.quality.items():
        if (row.variant, scale) != (cell.row.variant, cell.scale):
            continue
        if (row.dtype, row.backend) != way or quality.status != "done":
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
                found.append(Loss(dataset, row.weights, difference))
            else:
                why = "a difference is no finite number"
    return sorted(found, key=lambda loss: loss.difference), "" if found else why
