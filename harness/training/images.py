"""Which images train and which validate."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.datasets import find_dataset
from harness.errors import DataError
from harness.images.colour import rgb_to_y
from harness.images.decode import read_image
from harness.training.recipe import Data

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Split:
    """Files that train and files that validate; disjoint, sorted, the same on every machine."""

    training: tuple[Path, ...]
    validation: tuple[Path, ...]


def list_images(data: Data, root: Path | None) -> list[Path]:
    """Locate the training sets.

    Args:
        data: which sets.
        root: folder with one folder per set; the environment's HARNESS_DATA when None.

    Raises:
        DataError: a set is missing or incomplete; says where it was looked for.
        UnknownNameError: no such set is registered.
    """
    return [path for name in data.sets for path in _images_of(name, root)]


def split_images(paths: Sequence[Path], data: Data) -> Split:
    """Set the validation images apart."""
    # From the middle of each group, so that a short list still loses only one image in n.
    held_out = {
        index
        for index in range(len(paths))
        if index % data.hold_out_every == data.hold_out_every // 2
    }
    return Split(
        training=tuple(path for index, path in enumerate(paths) if index not in held_out),
        validation=tuple(path for index, path in enumerate(paths) if index in held_out),
    )


def _images_of(name: str, root: Path | None) -> list[Path]:
    dataset = find_dataset(name, root)
    if not dataset.complete:
        raise DataError(
            f"{name} in {dataset.folder} has {len(dataset.images)} images, a complete copy has "
            f"{dataset.expected_images}; networks trained on a part would not be comparable"
        )
    # By name alone, so that images keep their turn (and the same ones are held out) everywhere.
    return sorted(dataset.images, key=lambda path: path.name)


def read_lumas(paths: Sequence[Path]) -> list[Float64Array]:
    """Decode files to luma: H x W, float64, BT.601 studio range for RGB, as it is for grey."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(_read_luma, paths))


def _read_luma(path: Path) -> Float64Array:
    pixels = read_image(path) / 255.0
    return pixels if pixels.ndim == 2 else rgb_to_y(pixels)
