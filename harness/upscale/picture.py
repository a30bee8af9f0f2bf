"""Reading pictures with what surrounds their pixels: alpha, depth, orientation, profile."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.errors import DataError
from harness.images.decode import open_image, read_rgb16_tiff

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
    exif, notes = _exif(image)
    icc = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        grey = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        return Picture(grey[..., None], exif, icc, notes)
    if image.format == "PNG" and _png_depth(path) == 16:
        notes += ("its 16-bit samples were read as 8: the PNG decoder has no more for colour",)
    mode = _mode(image)
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV") and icc:
        icc = None
        notes += (f"its {image.mode} colours became RGB, so its colour profile was dropped",)
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return Picture(pixels.reshape(*pixels.shape[:2], -1), exif, icc, notes)


def to_image(pixels: Pixels) -> Image.Image:
    """H x W x C pixels as Pillow has them; 16 bits only if they are grey."""
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def _png_depth(path: Path) -> int:
    """Bits per sample from the header, which comes first in every PNG."""
    with path.open("rb") as file:
        return file.read(25)[24]


def _mode(image: Image.Image) -> str:
    """The mode of ours that holds all of the image."""
    transparent = "transparency" in image.info or image.mode in ("LA", "La", "RGBA", "RGBa", "PA")
    grey = image.mode in ("1", "L", "LA", "La")
    return ("LA" if transparent else "L") if grey else ("RGBA" if transparent else "RGB")


def _exif(image: Image.Image) -> tuple[Image.Exif, tuple[str, ...]]:
    """What can be carried over of an image's EXIF, and what is to be said about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of damaged entries, which are left out.
        found = image.getexif()
        if image.format == "TIFF":
            # The tags of a TIFF describe its own strips and samples. Its orientation is applied,
            # and removed, by Pillow as it decodes.
            return orientation_only(found.get(ORIENTATION)), ()
        try:
            # Reading every part shows whether it can be written again.
            copied = Image.Exif()
            copied.load(found.tobytes())
            copied.tobytes()
        except Exception:  # Whatever damaged bytes make of the reader.
            note = "its EXIF data are damaged; only the orientation was kept"
            return orientation_only(found.get(ORIENTATION)), (note,)
    return found, ()


def orientation_only(value: object) -> Image.Exif:
    """EXIF data with an orientation, or without anything if the value is none."""
    exif = Image.Exif()
    if isinstance(value, int) and 1 <= value <= 8:
        exif[ORIENTATION] = value
    return exif


def _tiff_surroundings(path: Path) -> tuple[Image.Exif, bytes | None]:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages.first.tags
        orientation, icc = tags.get(ORIENTATION), tags.get(_ICC_TAG)
        return (
            orientation_only(int(orientation.value) if orientation else None),
            bytes(icc.value) if icc else None,
        )
