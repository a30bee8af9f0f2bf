"""Reading pictures with what surrounds their pixels: alpha, depth, orientation, profile."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.data.images import open_image, read_rgb16_tiff
from harness.errors import DataError

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

ORIENTATION = 0x0112
_ICC_TAG = 34675


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: H x W x C, uint8 or uint16 (full range); C is 1 (grey), 2 (grey, alpha), 3 (RGB)
            or 4 (RGB, alpha). The orientation in ``exif`` is still to be applied.
        exif: what the file's EXIF says, its orientation included.
        icc: the colour profile, None without one.
        notes: sentences about what could not be kept.
    """

    pixels: Pixels
    exif: Image.Exif = field(default_factory=Image.Exif)
    icc: bytes | None = None
    notes: tuple[str, ...] = ()

    @property
    def has_alpha(self) -> bool:
        return self.pixels.shape[2] in (2, 4)


def read_picture(path: Path) -> Picture:
    """Decode a picture of any format in :data:`harness.data.layouts.SUFFIXES`.

    Raises:
        DataError: the file is missing, damaged, too large, of floating-point samples or no image.
    """
    wide = read_rgb16_tiff(path)
    if wide is not None:
        exif, icc = _tiff_surroundings(path)
        return Picture(wide, exif, icc)
    image = open_image(path)
    if image.mode == "F":
        raise DataError(f"{path} holds floating-point samples, whose range is not known")
    exif, icc = _exif(image), image.info.get("icc_profile")
    notes: tuple[str, ...] = ()
    if image.mode.startswith("I"):
        grey = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        return Picture(grey[..., None], exif, icc)
    if image.format == "PNG" and _png_depth(path) == 16:
        notes = ("its 16-bit samples were read as 8: the PNG decoder has no more for colour",)
    mode = _mode(image)
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV") and icc:
        icc = None
        notes = (f"its {image.mode} colours became RGB, so its colour profile was dropped",)
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return Picture(pixels.reshape(*pixels.shape[:2], -1), exif, icc, notes)


def _png_depth(path: Path) -> int:
    """Bits per sample from the header, which comes first in every PNG."""
    with path.open("rb") as file:
        return file.read(25)[24]


def _mode(image: Image.Image) -> str:
    """The mode of ours that holds all of the image."""
    transparent = "transparency" in image.info or image.mode in ("LA", "La", "RGBA", "RGBa", "PA")
    grey = image.mode in ("1", "L", "LA", "La")
    return ("LA" if transparent else "L") if grey else ("RGBA" if transparent else "RGB")


def _exif(image: Image.Image) -> Image.Exif:
    found = image.getexif()
    if image.format != "TIFF":
        return found
    # The tags of a TIFF describe its own strips and samples. Its orientation is applied, and
    # removed, by Pillow as it decodes.
    return _orientation(found.get(ORIENTATION))


def _orientation(value: int | None) -> Image.Exif:
    exif = Image.Exif()
    if value is not None:
        exif[ORIENTATION] = value
    return exif


def _tiff_surroundings(path: Path) -> tuple[Image.Exif, bytes | None]:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages.first.tags
        orientation, icc = tags.get(ORIENTATION), tags.get(_ICC_TAG)
        return (
            _orientation(int(orientation.value) if orientation else None),
            bytes(icc.value) if icc else None,
        )
