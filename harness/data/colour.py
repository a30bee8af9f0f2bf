"""RGB and YCbCr after ITU-R BT.601 in studio range, as MATLAB's rgb2ycbcr and ycbcr2rgb."""

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]

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


def rgb_to_ycbcr(rgb: Float64Array) -> Float64Array:
    """H x W x 3 RGB in [0, 1] to YCbCr: Y in [16/255, 235/255], Cb and Cr in [16/255, 240/255]."""
    return np.asarray(rgb @ _FORWARD.T + _OFFSET)


def rgb_to_y(rgb: Float64Array) -> Float64Array:
    """H x W x 3 RGB in [0, 1] to H x W luma in [16/255, 235/255]."""
    return np.asarray(rgb @ _FORWARD[0] + _OFFSET[0])


def ycbcr_to_rgb(ycbcr: Float64Array) -> Float64Array:
    """The inverse of :func:`rgb_to_ycbcr`, clipped to [0, 1]."""
    return np.clip((ycbcr - _OFFSET) @ _BACKWARD.T, 0.0, 1.0)
