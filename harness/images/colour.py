"""RGB and YCbCr after ITU-R BT.601 in studio range, as MATLAB's rgb2ycbcr and ycbcr2rgb."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]

_FORWARD = (
    np.array(
        [
            [65.481, 128.553, 24.966],
            [-37.797, -74.203, 112.0],
            [112.0, -93.786, -18.214],
        ]
    )
    / 255
)
_OFFSET = np.array([16.0, 128.0, 128.0]) / 255
_BACKWARD = np.linalg.inv(_FORWARD)
_STRIP_PIXELS = 1 << 14
"""Converted at a time, so that intermediate values stay in the cache and products on one thread."""


def rgb_to_ycbcr(rgb: Float64Array) -> Float64Array:
    """H x W x 3 RGB in [0, 1] to YCbCr: Y in [16/255, 235/255], Cb and Cr in [16/255, 240/255].

    Rows of a channel lie together in memory.
    """
    planes = np.empty((3, *rgb.shape[:2]))
    for rows in _strips(planes[0]):
        for plane, factors, offset in zip(planes, _FORWARD, _OFFSET, strict=True):
            value = np.multiply(rgb[rows, :, 0], factors[0], out=plane[rows])
            for channel in (1, 2):
                value += rgb[rows, :, channel] * factors[channel]
            value += offset
    return np.moveaxis(planes, 0, 2)


def rgb_to_y(rgb: Float64Array) -> Float64Array:
    """H x W x 3 RGB in [0, 1] to H x W luma in [16/255, 235/255]."""
    y = np.asarray(rgb @ _FORWARD[0])
    y += _OFFSET[0]
    return y


def ycbcr_to_rgb(ycbcr: Float64Array) -> Float64Array:
    """The inverse of :func:`rgb_to_ycbcr`, clipped to [0, 1]."""
    rgb = ycbcr_to_unclipped_rgb(ycbcr)
    return np.clip(rgb, 0.0, 1.0, out=rgb)


def ycbcr_to_unclipped_rgb(ycbcr: Float64Array) -> Float64Array:
    """The inverse of :func:`rgb_to_ycbcr`, also of what lies outside [0, 1]; H x W x 3."""
    return np.asarray((ycbcr - _OFFSET) @ _BACKWARD.T)


def rgb_to_grey(rgb: Float64Array) -> Float64Array:
    """H x W x 3 RGB to H x W grey as a grey image has it: BT.601 luma over the full range."""
    return np.asarray(rgb @ (_FORWARD[0] / _FORWARD[0].sum()))


def luma_of_8_bit(pixels: UInt8Array) -> Float64Array:
    """8-bit pixels to luma: :func:`rgb_to_y` of RGB over 255; greyscale is its own luma, over 255.

    Args:
        pixels: H x W or H x W x 3.

    Returns:
        H x W, float64; equal pixels give equal values, wherever they lie.
    """
    if pixels.ndim == 2:
        return np.asarray(pixels / 255.0)
    factors = _FORWARD[0] / 255
    y = np.empty(pixels.shape[:2])
    for rows in _strips(y):
        value = np.multiply(pixels[rows, :, 0], factors[0], out=y[rows])
        for channel in (1, 2):
            value += pixels[rows, :, channel] * factors[channel]
        value += _OFFSET[0]
    return y


def ycbcr_to_8_bit(y: Float64Array, chroma: Float64Array) -> UInt8Array:
    """:func:`ycbcr_to_rgb`, rounded to 8 bits.

    Args:
        y: H x W.
        chroma: H x W x 2, Cb and Cr.

    Returns:
        H x W x 3, each channel by itself in memory.
    """
    matrix = 255 * _BACKWARD
    # The half makes truncation round.
    matrix = np.column_stack([matrix, 0.5 - matrix @ _OFFSET])
    rgb = np.empty((3, *y.shape), np.uint8)
    for rows in _strips(y):
        parts = np.empty((4, *y[rows].shape))
        parts[0] = y[rows]
        parts[1:3] = np.moveaxis(chroma[rows], 2, 0)
        parts[3] = 1
        values = (matrix @ parts.reshape(4, -1)).reshape(3, *parts.shape[1:])
        np.clip(values, 0, 255, out=values)
        np.copyto(rgb[:, rows], values, casting="unsafe")
    return np.moveaxis(rgb, 0, 2)


def _strips(image: Float64Array) -> Iterator[slice]:
    """Rows that are converted at a time."""
    step = max(1, _STRIP_PIXELS // max(1, image.shape[1]))
    for top in range(0, len(image), step):
        yield slice(top, top + step)
