"""Reading pictures with what surrounds their pixels: alpha, depth, orientation, profile."""

import math
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.errors import DataError
from harness.images.decode import open_image, read_rgb16_tiff

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

ORIENTATION = 0x0112
_ICC_TAG, _RESOLUTION = 34675, 282


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: H x W x C, uint8 or uint16 (full range); C is 1 (grey), 2 (grey, alpha), 3 (RGB)
            or 4 (RGB, alpha). The orientation in ``exif`` is still to be applied.
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
        DataError: the file is missing, damaged, too large, of floating-point samples or no image.
    """
    wide = read_rgb16_tiff(path)
    if wide is not None:
        exif, icc, dpi = _tiff_surroundings(path)
        return Picture(wide, exif, icc, dpi=sensible_dpi(dpi))
    image = open_image(path)
    if image.mode == "F":
        raise DataError(f"{path} holds floating-point samples, whose range is not known")
    exif, notes = _exif(image)
    notes += _frames(image)
    icc = image.info.get("icc_profile")
    dpi, gamma = sensible_dpi(image.info.get("dpi")), sensible_gamma(image.info.get("gamma"))
    if image.mode.startswith("I"):
        grey = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        return Picture(grey[..., None], exif, icc, notes, dpi, gamma)
    if image.format == "PNG" and _png_depth(path) == 16:
        notes += ("its 16-bit samples were read as 8: the PNG decoder has no more for colour",)
    mode = _mode(image)
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV") and icc:
        icc = None
        notes += (f"its {image.mode} colours became RGB, so its colour profile was dropped",)
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return Picture(pixels.reshape(*pixels.shape[:2], -1), exif, icc, notes, dpi, gamma)


def to_image(pixels: Pixels) -> Image.Image:
    """H x W x C pixels as Pillow has them; 16 bits only if they are grey."""
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def _frames(image: Image.Image) -> tuple[str, ...]:
    """What is to be said of an animated picture, or of one with pages."""
    try:
        n_frames = getattr(image, "n_frames", 1)
    except Exception:  # Of damaged pages behind a sound one.
        return ("what is behind its first frame is damaged, and was left out",)
    return (f"of its {n_frames} frames, the first was taken",) if n_frames > 1 else ()


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
        found: Image.Exif | None = None
        try:
            found = image.getexif()
            if image.format == "TIFF":
                # The tags of a TIFF describe its own strips and samples. Its orientation is
                # applied, and removed, by Pillow as it decodes.
                return orientation_only(found.get(ORIENTATION)), ()
            # Reading every part shows whether it can be written again.
            copied = Image.Exif()
            copied.load(found.tobytes())
            copied.tobytes()
        except Exception:  # Whatever damaged bytes make of the reader.
            with suppress(Exception):
                kept = orientation_only(found.get(ORIENTATION) if found else None)
                if kept:
                    return kept, ("its EXIF data are damaged; only the orientation was kept",)
            return Image.Exif(), ("its EXIF data are damaged, and were dropped",)
    return found, ()


def orientation_only(value: object) -> Image.Exif:
    """EXIF data with an orientation, or without anything if the value is none."""
    exif = Image.Exif()
    if isinstance(value, int) and 1 <= value <= 8:
        exif[ORIENTATION] = value
    return exif


def _tiff_surroundings(path: Path) -> tuple[Image.Exif, bytes | None, object]:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages.first.tags
        orientation, icc = tags.get(ORIENTATION), tags.get(_ICC_TAG)
        # A page without a unit has ratios alone.
        dpi = tiff.pages.first.get_resolution("inch") if tags.get(_RESOLUTION) else None
        return (
            orientation_only(int(orientation.value) if orientation else None),
            bytes(icc.value) if icc else None,
            dpi,
        )
