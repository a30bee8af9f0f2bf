"""Reading pictures with their metadata: alpha, depth, orientation, profile."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from harness.images.decode import Pixels, decode
from harness.images.metadata import ORIENTATION, orientation_only

__all__ = ["ORIENTATION", "Picture", "Pixels", "orientation_only", "read_picture",
           "sensible_dpi", "sensible_gamma", "to_image"]  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: H x W x C, uint8, uint16 (full range) or float32 (in about [0, 1]); C is 1 (grey),
            2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha). The orientation in ``exif`` is
            still to be applied.
        exif: what the file's EXIF says, its orientation included.
        icc: the colour profile, None without one.
        dpi: pixels per inch, across and down; None where the file does not say.
        gamma: of a PNG, such as 1 / 2.2; None where the file does not say.
        notes: sentences about what could not be kept.
    """

    pixels: Pixels
    exif: Image.Exif = field(default_factory=Image.Exif)
    icc: bytes | None = None
    notes: tuple[str, ...] = ()
    dpi: tuple[float, float] | None = None
    gamma: float | None = None

    @property
    def has_alpha(self) -> bool:
        return self.pixels.shape[2] in (2, 4)


def read_picture(path: Path) -> Picture:
    """Decode a picture of any format in :data:`harness.data.layouts.SUFFIXES`.

    Raises:
        DataError: the file is missing, damaged, too large, no image, or of samples that are
            not read.
    """
    found = decode(path)
    dpi, gamma = sensible_dpi(found.dpi), sensible_gamma(found.gamma)
    return Picture(found.pixels, found.exif, found.icc, found.notes, dpi, gamma)


def to_image(pixels: Pixels) -> Image.Image:
    """H x W x C pixels as Pillow has them; 16 bits only if they are grey."""
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def sensible_dpi(found: object) -> tuple[float, float] | None:
    """Pixels per inch as a decoder found them, if any format can hold them."""
    try:
        across, down = map(float, found)  # type: ignore[call-overload]
    except (TypeError, ValueError, ArithmeticError):
        return None
    # JPEG has 16 bits, 1 stands for no unit, and not a number is in no interval.
    return (across, down) if 1 < across <= 65_535 and 1 < down <= 65_535 else None


def sensible_gamma(found: object) -> float | None:
    """A gamma as a decoder found it, if it is one."""
    if isinstance(found, int | float) and math.isfinite(found) and 0.01 <= found <= 100:
        return float(found)
    return None
