"""Peak signal-to-noise ratio."""

import numpy as np
from numpy.typing import NDArray

from harness.metrics.metric import Metric

Float64Array = NDArray[np.float64]


def psnr(a: Float64Array, b: Float64Array) -> float:
    """Peak signal-to-noise ratio in dB of two H x W arrays in [0, 1] (peak 1).

    Infinite where they are identical; not a number where a value is none.
    """
    difference = a - b
    error = float(np.mean(np.square(difference, out=difference)))
    return float("inf") if error == 0 else -10 * float(np.log10(error))


METRIC = Metric(
    "psnr_y",
    "PSNR",
    "dB",
    digits=3,
    compute=lambda pair: psnr(pair.sr_y, pair.hr_y),
    short_digits=2,
    tolerance=0.05,
    paper_digits=2,
)
