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


def imresize(image: Float64Array, scale: float) -> Float64Array:
    """Resize as MATLAB does: bicubic, antialiased when shrinking, neither rounded nor clipped.

    Args:
        image: H x W or H x W x C, float64.
        scale: output size over input size, above 0.

    Returns:
        ceil(scale * H) x ceil(scale * W) [x C], float64; rows of a channel lie together.
    """
    image = np.asarray(image, dtype=np.float64)
    height, width = image.shape[:2]
    # The tolerance keeps 1/3 of 9 at 3, where 9 * (1/3) may land just above.
    n_rows, n_columns = (int(np.ceil(n * scale - 1e-9)) for n in (height, width))
    planes = np.moveaxis(image.reshape(height, width, -1), 2, 0)
    rows, columns = _operator(height, n_rows, scale), _operator(width, n_columns, scale)
    # Operators read whole rows; the image is transposed where it is smaller.
    if scale < 1:
        resized = np.empty((len(planes), n_rows, n_columns))
        for plane, target in zip(planes, resized, strict=True):
            target[:] = (columns @ (rows @ plane).T).T
        resized = np.moveaxis(resized, 0, 2)
    else:
        wider = np.stack([(columns @ plane.T).T for plane in planes], axis=1)
        resized = (rows @ wider.reshape(height, -1)).reshape(n_rows, -1, n_columns).swapaxes(1, 2)
    return resized.reshape(n_rows, n_columns, *image.shape[2:])
