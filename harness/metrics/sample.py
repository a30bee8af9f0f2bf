"""The way from an HR image to the two arrays that metrics compare."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.images.colour import (
    luma_of_8_bit,
    rgb_to_grey,
    rgb_to_ycbcr,
    ycbcr_to_8_bit,
    ycbcr_to_unclipped_rgb,
)
from harness.images.imresize import imresize
from harness.metrics.metric import Pair
from harness.metrics.protocol import Protocol
from harness.metrics.registry import chosen
from harness.metrics.ssim import RADIUS, window_means

Float64Array = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """One HR image made ready for a network.

    Attributes:
        lr_y: h x w luma for the network, float64.
        lr_chroma: h x w x 2, Cb and Cr for bicubic interpolation; None for greyscale.
        hr_y: H x W luma of the cropped HR image, in [0, 1], float64.
        scale: H / h.
        hr_means: SSIM's window means of ``hr_y`` without the shaved borders, the same for every
            network; None to have them computed with each score.
        hr_rgb: H x W x 3 of the cropped HR image, 8 bits, where the protocol compares RGB, too.
    """

    lr_y: Float64Array
    lr_chroma: Float64Array | None
    hr_y: Float64Array
    scale: int
    hr_means: Float64Array | None = None
    hr_rgb: UInt8Array | None = None

    def lr_rgb(self) -> Float64Array:
        """H x w x 3 RGB for a network that takes it; of a grey image three equal channels."""
        if self.lr_chroma is None:
            return np.dstack([self.lr_y] * 3)
        return ycbcr_to_unclipped_rgb(np.dstack([self.lr_y, self.lr_chroma]))


def minimum_size(scale: int, protocol: Protocol) -> int:
    """The smallest HR height and width, in pixels, that leaves something to compare."""
    window = 2 * RADIUS + 1 if protocol.ssim_border == "valid" else 1
    return 2 * protocol.border_crop(scale) + window


def prepare(hr: UInt8Array, scale: int, protocol: Protocol) -> Sample:
    """Crop, downscale and split an HR image as the protocol says.

    Args:
        hr: H x W or H x W x 3, uint8.
        scale: any whole number from 2.
        protocol: see :mod:`harness.metrics.protocol`.

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
    image = hr[:height, :width]
    lr = shrunk(image, scale, protocol)
    lr_y, lr_chroma = lr, None
    if image.ndim == 3:
        ycbcr = rgb_to_ycbcr(lr)
        lr_y, lr_chroma = ycbcr[..., 0], ycbcr[..., 1:]
    hr_y = luma_of_8_bit(image)
    inner = hr_y[_inside(hr_y, scale, protocol)]
    means = window_means(inner, protocol.ssim_border)
    hr_rgb = _as_rgb(image) if protocol.colour == "rgb" else None
    return Sample(lr_y, lr_chroma, hr_y, scale, means, hr_rgb)


def shrunk(image: UInt8Array, scale: int, protocol: Protocol) -> Float64Array:
    """The LR image of the protocol.

    Args:
        image: H x W or H x W x 3, H and W multiples of the scale.
        scale: 2, 4 or 8.
        protocol: says whether LR is rounded.

    Returns:
        H / scale x W / scale (x 3), float64: multiples of 1 / 255 in [0, 1] where LR is rounded,
        else also a little below 0 and above 1, as bicubic interpolation overshoots.
    """
    if image.ndim == 2:
        lr = imresize(image / 255.0, 1 / scale)
    else:  # A channel at a time: the whole is large in float64.
        planes = [imresize(plane / 255.0, 1 / scale) for plane in np.moveaxis(image, 2, 0)]
        lr = np.moveaxis(np.stack(planes), 0, 2)
    return np.rint(np.clip(lr, 0, 1) * 255) / 255 if protocol.round_lr else lr


def _as_rgb(image: UInt8Array) -> UInt8Array:
    """H x W x 3; of a grey image three equal channels. A copy: the image may be kept for others."""
    return image.copy() if image.ndim == 3 else np.dstack([image] * 3)


def check_finite(sr_y: NDArray[np.floating]) -> None:
    """Refuse a network's output that a cast to integers would turn into some colour.

    Args:
        sr_y: of any shape.

    Raises:
        DataError: a value is infinite or not a number; the message counts them.
    """
    bad = sr_y.size - int(np.count_nonzero(np.isfinite(sr_y)))
    if bad:
        raise DataError(
            f"the network's output is no finite number in {bad:,} of {sr_y.size:,} pixels: its "
            "arithmetic overflows, in this dtype or with these weights"
        )


def compose(sample: Sample, output: Float64Array) -> UInt8Array:
    """The 8-bit SR image: H x W of a grey image, H x W x 3 of one in colour.

    Args:
        sample: of the HR image.
        output: the network's: H x W luma, which gets its colour from the LR image by bicubic
            interpolation, or H x W x 3 RGB, which of a grey image becomes grey.

    Raises:
        DataError: as :func:`check_finite`; such an image has no PSNR.
    """
    check_finite(output)
    if output.ndim == 3 and sample.lr_chroma is None:
        output = rgb_to_grey(output)
    if output.ndim == 3 or sample.lr_chroma is None:
        return np.asarray(np.floor(np.clip(output, 0, 1) * 255 + 0.5), dtype=np.uint8)
    # Upscaled here, once for each network: to keep it would take more memory than all the rest.
    return ycbcr_to_8_bit(output, imresize(sample.lr_chroma, sample.scale))


def score(
    sample: Sample,
    sr: UInt8Array | Float64Array,
    protocol: Protocol,
    asked: Iterable[str] = (),
) -> dict[str, float]:
    """Compare an SR image with its HR image, by every metric that the protocol has.

    Args:
        sample: of the HR image.
        sr: 8 bits, as :func:`compose` returns; or luma in [0, 1], H x W, float64, as the HR
            image's is.
        protocol: see :mod:`harness.metrics.protocol`.
        asked: keys of metrics that are computed on request.

    Returns:
        Figures by key: ``psnr_y`` in dB (infinite for identical images), ``ssim_y``, and whatever
        else :mod:`harness.metrics` has.
    """
    inside = _inside(sample.hr_y, sample.scale, protocol)
    shown = sr[inside]
    a = luma_of_8_bit(shown.astype(np.uint8, copy=False)) if shown.dtype == np.uint8 else shown
    a, b = np.asarray(a, np.float64), sample.hr_y[inside]
    pair = Pair(a, b, protocol, sample.hr_means, *_in_colour(sample, shown, inside))
    metrics = chosen(protocol, asked)
    return {key: float(metric.compute(pair)) for key, metric in metrics.items()}


def _in_colour(
    sample: Sample, shown: UInt8Array | Float64Array, inside: tuple[slice, slice]
) -> tuple[Float64Array, Float64Array] | tuple[None, None]:
    """SR and HR as RGB in [0, 1], where the sample has it."""
    if sample.hr_rgb is None:
        return None, None
    sr = shown / 255.0 if shown.dtype == np.uint8 else np.asarray(shown, np.float64)
    return sr if sr.ndim == 3 else np.dstack([sr] * 3), sample.hr_rgb[inside] / 255.0


def _inside(image: Float64Array, scale: int, protocol: Protocol) -> tuple[slice, slice]:
    """What counts of an image: all but the shaved borders."""
    shave = protocol.border_crop(scale)
    return np.s_[shave : image.shape[0] - shave, shave : image.shape[1] - shave]
