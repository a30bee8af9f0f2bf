"""PSNR and SSIM on luma, and the way from an HR image to the two arrays they compare."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from harness.data.colour import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb
from harness.data.imresize import imresize
from harness.errors import DataError
from harness.protocols import Protocol

Float64Array = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]

SSIM_RADIUS, SSIM_SIGMA, K1, K2 = 5, 1.5, 0.01, 0.03
_WINDOW = np.exp(-0.5 * (np.arange(-SSIM_RADIUS, SSIM_RADIUS + 1) / SSIM_SIGMA) ** 2)
_WINDOW /= _WINDOW.sum()


@dataclass(frozen=True)
class Sample:
    """One HR image made ready for a network.

    Attributes:
        lr_y: h x w luma for the network, float64.
        chroma: H x W x 2, Cb and Cr upscaled by bicubic interpolation; None for greyscale.
        hr_y: H x W luma of the cropped HR image, in [0, 1], float64.
        scale: H / h.
    """

    lr_y: Float64Array
    chroma: Float64Array | None
    hr_y: Float64Array
    scale: int


@dataclass(frozen=True)
class Scores:
    """``psnr_y`` in dB (infinite for identical images) and ``ssim_y``."""

    psnr_y: float
    ssim_y: float


def minimum_size(scale: int, protocol: Protocol) -> int:
    """The smallest HR height and width, in pixels, that leaves something to compare."""
    window = 2 * SSIM_RADIUS + 1 if protocol.ssim_border == "valid" else 1
    return 2 * protocol.border_crop(scale) + window


def prepare(hr: UInt8Array, scale: int, protocol: Protocol) -> Sample:
    """Crop, downscale and split an HR image as the protocol says.

    Args:
        hr: H x W or H x W x 3, uint8.
        scale: 2, 4 or 8.
        protocol: see :mod:`harness.protocols`.

    Raises:
        DataError: the image is too small for the scale.
    """
    height, width = (n - n % scale for n in hr.shape[:2])
    least = minimum_size(scale, protocol)
    if min(height, width) < least:
        raise DataError(
            f"an image of {hr.shape[1]}x{hr.shape[0]} pixels is too small for {scale}x: at least "
            f"{least}x{least} are needed after cropping to a multiple of {scale}"
        )
    image = hr[:height, :width] / 255.0
    lr = imresize(image, 1 / scale)
    if protocol.round_lr:
        lr = np.rint(np.clip(lr, 0, 1) * 255) / 255
    if image.ndim == 2:
        return Sample(lr_y=lr, chroma=None, hr_y=image, scale=scale)
    ycbcr = rgb_to_ycbcr(lr)
    chroma = imresize(ycbcr[..., 1:], scale)
    return Sample(lr_y=ycbcr[..., 0], chroma=chroma, hr_y=rgb_to_y(image), scale=scale)


def compose(sample: Sample, sr_y: Float64Array) -> UInt8Array:
    """The 8-bit SR image from the network's luma: H x W or H x W x 3."""
    if sample.chroma is None:
        sr = np.clip(sr_y, 0, 1)
    else:
        sr = ycbcr_to_rgb(np.dstack([sr_y, sample.chroma]))
    return np.asarray(np.floor(sr * 255 + 0.5), dtype=np.uint8)


def score(sample: Sample, sr: UInt8Array, protocol: Protocol) -> Scores:
    """Compare an 8-bit SR image (as :func:`compose` returns) with its HR image on luma."""
    sr_y = sr / 255.0 if sr.ndim == 2 else rgb_to_y(sr / 255.0)
    shave = protocol.border_crop(sample.scale)
    inner = np.s_[shave : sr_y.shape[0] - shave, shave : sr_y.shape[1] - shave]
    a, b = sr_y[inner], sample.hr_y[inner]
    return Scores(psnr_y=psnr(a, b), ssim_y=ssim(a, b, protocol.ssim_border))


def psnr(a: Float64Array, b: Float64Array) -> float:
    """Peak signal-to-noise ratio in dB of two H x W arrays in [0, 1] (peak 1)."""
    error = float(np.mean((a - b) ** 2))
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def ssim(
    a: Float64Array, b: Float64Array, border: Literal["replicate", "valid"] = "replicate"
) -> float:
    """Structural similarity of two H x W arrays in [0, 1].

    Gaussian window 11x11, sigma 1.5, K = 0.01 and 0.03 (Wang et al., TIP 2004), population
    moments. ``border="replicate"`` is MATLAB's ``ssim``: the full map, borders replicated.
    """
    c1, c2 = K1**2, K2**2
    mean_a, mean_b, mean_aa, mean_bb, mean_ab = (_blur(x) for x in (a, b, a * a, b * b, a * b))
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    covariance = 2 * (mean_ab - mean_a * mean_b) + c2
    structure = covariance / (mean_aa - mean_a**2 + mean_bb - mean_b**2 + c2)
    similarity = luminance * structure
    if border == "valid":
        similarity = similarity[SSIM_RADIUS:-SSIM_RADIUS, SSIM_RADIUS:-SSIM_RADIUS]
    return float(similarity.mean())


def _blur(x: Float64Array) -> Float64Array:
    rows = correlate1d(x, _WINDOW, axis=0, mode="nearest")
    return np.asarray(correlate1d(rows, _WINDOW, axis=1, mode="nearest"))
