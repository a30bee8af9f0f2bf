"""Multi-scale structural similarity (Wang, Simoncelli and Bovik, 2003) on luma, by torchmetrics.

Contrast and structure over windows inside the image, at the last scale the whole map with reflected
borders.
"""

from harness.errors import DataError
from harness.metrics.metric import Metric, Pair

SMALLEST = 176
"""Pixels in height and width, for an 11x11 window at the last of five scales."""


def _compute(pair: Pair) -> float:
    import torch
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure as ms_ssim,
    )

    height, width = pair.hr_y.shape
    if min(height, width) < SMALLEST:
        raise DataError(
            f"MS-SSIM needs {SMALLEST}x{SMALLEST} pixels within the border, and this image has "
            f"{width}x{height}"
        )
    # Copies: those of the HR image are read-only.
    sr, hr = (torch.from_numpy(image.copy())[None, None] for image in (pair.sr_y, pair.hr_y))
    return float(ms_ssim(sr, hr, data_range=1.0))


METRIC = Metric("ms_ssim_y", "MS-SSIM", "", digits=4, compute=_compute, extra="metrics")
