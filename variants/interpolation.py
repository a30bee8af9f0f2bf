"""MATLAB's bicubic interpolation as resize matrices (numpy only)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


def cubic(x: Float64Array) -> Float64Array:
    """Keys' cubic convolution kernel with a = -0.5, support [-2, 2]."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


@lru_cache(maxsize=256)
def resize_taps(n_in: int, n_out: int, scale: float) -> tuple[NDArray[np.intp], Float64Array]:
    """For each output sample, which input samples it reads and with which weights.

    As MATLAB's ``imresize(..., 'bicubic')``: pixel centres at half-integers, the kernel widened
    by ``1 / scale`` when it shrinks (antialiasing), borders continued by reflection, weights
    summing to one.

    Args:
        n_in: input length, at least 1.
        n_out: output length.
        scale: output length over input length, as given by the user (not ``n_out / n_in``).

    Returns:
        ``(indices, weights)``, each n_out x taps; indices lie in [0, n_in).
    """
    width = 4.0 if scale >= 1 else 4.0 / scale
    stretch = min(scale, 1.0)
    centre = (np.arange(1, n_out + 1, dtype=np.float64)) / scale + 0.5 * (1 - 1 / scale)
    first = np.floor(centre - width / 2)
    taps = int(np.ceil(width)) + 2
    positions = first[:, None] + np.arange(taps)
    weights = stretch * cubic(stretch * (centre[:, None] - positions))
    weights /= weights.sum(axis=1, keepdims=True)
    # Reflection about the border samples' outer edges: 2 1 | 1 2 3 | 3 2.
    period = np.mod(positions.astype(np.intp) - 1, 2 * n_in)
    indices = np.where(period < n_in, period, 2 * n_in - 1 - period)
    used = np.any(weights != 0, axis=0)
    indices, weights = indices[:, used], weights[:, used]
    indices.flags.writeable = weights.flags.writeable = False
    return indices, weights


@lru_cache(maxsize=64)
def resize_matrix(n_in: int, n_out: int, scale: float) -> Float64Array:
    """The taps of :func:`resize_taps` as one dense n_out x n_in matrix (cached, read-only)."""
    indices, weights = resize_taps(n_in, n_out, scale)
    matrix = np.zeros((n_out, n_in))
    np.add.at(matrix, (np.arange(n_out)[:, None], indices), weights)
    matrix.flags.writeable = False
    return matrix
