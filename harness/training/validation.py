"""PSNR on held-out training images; never on a test set."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.metrics.psnr import psnr
from harness.training.patches import ALIGNMENT, Pyramid, pyramid
from variants.backbones.base import SRModel

LARGEST = 192
"""Side in pixels of the centre that is compared; whole images would take too long."""


def validation_set(images: Sequence[NDArray[np.float64]]) -> list[Pyramid]:
    """The centre of every image, at most ``LARGEST`` pixels on a side, with its reductions."""
    return [pyramid(_centre(y)) for y in images if min(y.shape) >= 4 * ALIGNMENT]


def _centre(y: NDArray[np.float64]) -> NDArray[np.float64]:
    tops = [max(0, (n - LARGEST) // 2) for n in y.shape]
    return y[tops[0] : tops[0] + LARGEST, tops[1] : tops[1] + LARGEST]


@torch.inference_mode()
def validate(
    network: SRModel, images: Sequence[Pyramid], scales: Sequence[int], device: torch.device
) -> dict[int, float]:
    """Mean PSNR in dB per scale, on unrounded float32 luma shaved by the scale.

    Not a number where the network's output is none or infinite, which clipping would hide.
    """
    return {
        scale: float(np.mean([_psnr(network, image, scale, device) for image in images]))
        for scale in scales
    }


def _psnr(network: SRModel, image: Pyramid, scale: int, device: torch.device) -> float:
    lr = image.levels[scale.bit_length() - 1][None, None].to(device)
    sr = network.forward_levels(lr, scale)[-1][0, 0]
    if not sr.isfinite().all():
        return math.nan
    return psnr(_shaved(sr, scale), _shaved(image.levels[0], scale))


def _shaved(y: Tensor, border: int) -> NDArray[np.float64]:
    inner = y[border:-border, border:-border].clamp(0, 1)
    return np.asarray(inner.double().cpu().numpy())
