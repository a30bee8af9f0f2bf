"""What is refused before it is decoded."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError

Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
"""H x W x C samples: integers of the full range of their type, or about [0, 1] in float32."""

FLOAT_RANGE = (-0.5, 1.5)
"""Of floating-point samples. Bicubic interpolation overshoots [0, 1] by less."""

MAX_PIXELS = 178_956_970
"""Images with more pixels are refused before they are decoded: Pillow's own limit."""

MAX_SIDE = 1_000_000
"""Pixels across or down; decoders take a while for each row, however short it is."""


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse what would take too much memory or time.

    Raises:
        DataError: there are too many pixels, or none.
    """
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{path} claims {width}x{height} pixels, more than the {MAX_PIXELS:,} that are decoded"
        )
    if max(width, height) > MAX_SIDE:
        raise DataError(
            f"{path} claims {width}x{height} pixels, more than {MAX_SIDE:,} on one side"
        )
    if width * height == 0:
        raise DataError(f"{path} has no pixels")


def undecodable(path: Path, reason: object) -> DataError:
    """The error for a file that is damaged or of a kind that is not read."""
    return DataError(f"cannot decode {path}: {reason}. Replace or remove the file.")
