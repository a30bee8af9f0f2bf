"""Images from which quantised networks take the ranges of their activations. Imports no torch."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from harness.data.datasets import find_dataset
from harness.errors import DataError
from harness.images.colour import luma_of_8_bit
from harness.images.decode import read_image
from harness.images.imresize import imresize

SHA256 = "d9544e1d64b1d8c56b15807bba76ddeee8365da4e63d9f260748ade9f2838928"
"""Of the dataset ``calibration``: figures of a quantised network depend on it."""

LARGEST = 256
"""HR pixels taken of an image in each direction, from its centre."""


def calibration_luma(scale: int) -> Iterator[NDArray[np.float64]]:
    """The LR luma of :func:`calibration_pairs`.

    Raises:
        DataError: this release of scikit-image has other images.
    """
    if find_dataset("calibration").fingerprint() != SHA256:
        raise DataError(
            "the images of scikit-image that int8 is calibrated on are other ones in this release; "
            "use the release that constraints.txt names"
        )
    return (lr for lr, _ in calibration_pairs(scale))


def calibration_pairs(
    scale: int,
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """LR and HR luma of every calibration image, made as the protocol ``matlab_y`` makes its own.

    Args:
        scale: that the network upscales by.

    Yields:
        H x W and sH x sW, in [0, 1] but for the overshoot of bicubic interpolation.
    """
    for path in find_dataset("calibration").images:
        y = luma_of_8_bit(read_image(path))
        height, width = (min(size, LARGEST) // scale * scale for size in y.shape)
        top, left = (y.shape[0] - height) // 2, (y.shape[1] - width) // 2
        hr = y[top : top + height, left : left + width]
        yield imresize(hr, 1 / scale), hr
