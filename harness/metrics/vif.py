"""Visual information fidelity in the pixel domain (Sheikh and Bovik, 2006), by torchmetrics."""

from harness.errors import DataError
from harness.metrics.metric import Metric, Pair

SMALLEST = 41
"""Pixels in height and width, for four scales."""


def _compute(pair: Pair) -> float:
    import torch
    from torchmetrics.functional.image import visual_information_fidelity as vif

    height, width = pair.hr_y.shape
    if min(height, width) < SMALLEST:
        raise DataError(
            f"VIF needs {SMALLEST}x{SMALLEST} pixels within the border, and this image has "
            f"{width}x{height}"
        )
    # The noise of its model, of variance 2, is in 8-bit levels.
    sr, hr = (torch.from_numpy(255 * image)[None, None] for image in (pair.sr_y, pair.hr_y))
    return float(vif(sr, hr))


METRIC = Metric("vif_y", "VIF", "", digits=4, compute=_compute, extra="metrics")
