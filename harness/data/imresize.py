"""MATLAB's ``imresize(image, scale, 'bicubic')``, vectorised."""

from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from variants.interpolation import resize_taps

Float64Array = NDArray[np.float64]


@lru_cache(maxsize=512)
def _operator(n_in: int, n_out: int, scale: float) -> sp.csr_array:
    """The n_out x n_in resize matrix; few of its entries are not zero."""
    indices, weights = resize_taps(n_in, n_out, scale)
    rows = np.repeat(np.arange(n_out), indices.shape[1])
    matrix = sp.csr_array((weights.ravel(), (rows, indices.ravel())), shape=(n_out, n_in))
    matrix.eliminate_zeros()
    return matrix


def _resize(operator: sp.csr_array, x: Float64Array) -> Float64Array:
    """Resize the first axis."""
    resized: Float64Array = operator @ x.reshape(len(x), -1)
    return resized.reshape(-1, *x.shape[1:])


def imresize(image: Float64Array, scale: float) -> Float64Array:
    """Resize as MATLAB does: bicubic, antialiased when shrinking, neither rounded nor clipped.

    Args:
        image: H x W or H x W x C, float64.
        scale: output size over input size, above 0.

    Returns:
        ceil(scale * H) x ceil(scale * W) [x C], float64.
    """
    image = np.asarray(image, dtype=np.float64)
    height, width = image.shape[:2]
    # The tolerance keeps 1/3 of 9 at 3, where 9 * (1/3) may land just above.
    n_rows, n_columns = (int(np.ceil(n * scale - 1e-9)) for n in (height, width))
    rows, columns = _operator(height, n_rows, scale), _operator(width, n_columns, scale)
    x = image.reshape(height, width, -1)
    # An operator reads whole rows, so the other axis is brought to the front, and the image is
    # rearranged where it is smaller: behind the operator that shrinks, before that which enlarges.
    if scale < 1:
        x = _resize(columns, _resize(rows, x).swapaxes(0, 1))
        x = np.ascontiguousarray(x.swapaxes(0, 1))
    else:
        x = _resize(columns, x.swapaxes(0, 1))
        x = _resize(rows, x.transpose(1, 2, 0)).swapaxes(1, 2)
    return x.reshape(n_rows, n_columns, *image.shape[2:])
