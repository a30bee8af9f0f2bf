"""Peak signal-to-noise ratio over the three channels of RGB."""

from harness.metrics.metric import Metric, Pair
from harness.metrics.psnr import psnr


def _compute(pair: Pair) -> float:
    assert pair.sr_rgb is not None
    assert pair.hr_rgb is not None
    return psnr(pair.sr_rgb, pair.hr_rgb)


METRIC = Metric(
    "psnr_rgb", "PSNR (RGB)", "dB", digits=3, compute=_compute, short_digits=2, colour="rgb"
)
