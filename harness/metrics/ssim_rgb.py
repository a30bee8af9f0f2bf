"""Structural similarity as the mean over the three channels of RGB."""

import numpy as np

from harness.metrics.metric import Metric, Pair
from harness.metrics.ssim import ssim


def _compute(pair: Pair) -> float:
    assert pair.sr_rgb is not None
    assert pair.hr_rgb is not None
    planes = zip(np.moveaxis(pair.sr_rgb, 2, 0), np.moveaxis(pair.hr_rgb, 2, 0), strict=True)
    return float(np.mean([ssim(a, b, pair.protocol.ssim_border) for a, b in planes]))


METRIC = Metric(
    "ssim_rgb", "SSIM (RGB)", "", digits=4, compute=_compute, short_digits=4, colour="rgb"
)
