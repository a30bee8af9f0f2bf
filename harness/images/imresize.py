"""MATLAB's ``imresize(image, scale, 'bicubic')``, vectorised."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.images.banded import Band, along_columns, along_rows, make_bands
from variants.interpolation import resize_taps

Float64Array = NDArray[np.float64]
OUTPUTS_PER_BAND = 8, 16  # when shrinking, when enlarging


@lru_cache(maxsize=512)
def _operator(n_in: int, n_out: int, scale: float) -> tuple[Band, ...]:
    return make_bands(*resize_taps(n_in, n_out, scale), OUTPUTS_PER_BAND[scale >= 1])


def imresize(image: Float64Array, scale: float) -> Float64Array:
    """Resize as MATLAB does: bicubic, antialiased when shrinking, neither rounded nor clipped.

    Args:
        image: H x W or H x W x C, float64.
        scale: output size over input size, above 0.

    Returns:
        ceil(scale * H) x ceil(scale * W) [x C], float64; each channel by itself in memory.
    """
    image = np.asarray(image, dtype=np.float64)
    height, width = image.shape[:2]
    # The tolerance keeps 1/3 of 9 at 3, where 9 * (1/3) may land just above.
    n_rows, n_columns = (int(np.ceil(n * scale - 1e-9)) for n in (height, width))
    planes = np.moveaxis(image.reshape(height, width, -1), 2, 0)
    rows, columns = _operator(height, n_rows, scale), _operator(width, n_columns, scale)
    # The rows, which cost less, where the image is larger.
    if scale < 1:
        resized = along_columns(columns, along_rows(rows, planes))
    else:
        resized = along_rows(rows, along_columns(columns, planes))
    return np.moveaxis(resized, 0, 2).reshape(n_rows, n_columns, *image.shape[2:])
