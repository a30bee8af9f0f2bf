"""LR images as files, for programs whose results are to be scored here."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.datasets import Dataset
from harness.data.layouts import distinct_names
from harness.errors import DataError, about
from harness.images.decode import read_image, write_image
from harness.images.imresize import imresize


def shrink(hr: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """The LR image of the protocols, rounded to 8 bits as a file needs.

    Args:
        hr: H x W or H x W x 3; cropped at the bottom and right to a multiple of the scale.
        scale: 2, 4 or 8.

    Raises:
        DataError: the image is smaller than one LR pixel.
    """
    height, width = (n - n % scale for n in hr.shape[:2])
    if not height or not width:
        raise DataError(f"an image of {hr.shape[1]}x{hr.shape[0]} pixels is too small for {scale}x")
    lr = imresize(hr[:height, :width] / 255.0, 1 / scale)
    return np.rint(np.clip(lr, 0, 1) * 255).astype(np.uint8)


def write_lr(
    dataset: Dataset, scale: int, folder: Path, on_image: Callable[[], object] = lambda: None
) -> list[str]:
    """Write the LR image of every HR image as PNG, under the same name.

    Of images that differ only in their endings, these are kept in the name: ``a.bmp.png``.

    Returns:
        A sentence for each image that is damaged or too small, or whose LR image cannot be
        written; the others are written all the same.

    Raises:
        DataError: an image would be written onto an HR image.
        OSError: the folder cannot be made.
    """
    names = distinct_names(dataset.images)
    targets = [folder / f"{names[path]}.png" for path in dataset.images]
    if set(map(os.path.realpath, targets)) & set(map(os.path.realpath, dataset.images)):
        raise DataError(f"{folder} holds the HR images themselves; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for path, target in zip(dataset.images, targets, strict=True):
        try:
            hr = read_image(path)
            with about(path):
                lr = shrink(hr, scale)
            write_image(target, lr)
        except DataError as error:
            failures.append(str(error))
        except OSError as error:
            failures.append(f"cannot write {target}: {error.strerror or error}")
        on_image()
    return failures
