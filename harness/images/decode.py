"""Decoding image files to 8-bit arrays, and writing them."""

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from harness.data.layouts import SUFFIXES
from harness.errors import DataError
from harness.system.files import write_atomically

UInt8Array = NDArray[np.uint8]
UInt16Array = NDArray[np.uint16]

MAX_PIXELS = 178_956_970
"""Images with more pixels are refused before they are decoded: Pillow's own limit."""

__all__ = ["MAX_PIXELS", "SUFFIXES", "open_image", "read_image", "read_rgb16_tiff", "write_image"]


def read_image(path: Path) -> UInt8Array:
    """Decode an image file.

    Greyscale (1, 8 or 16 bits) stays greyscale; palettes and CMYK become RGB; an alpha channel is
    dropped; of several frames the first is read; an EXIF orientation is not applied, as MATLAB's
    ``imread`` does not (that of a TIFF is, by its decoder); 16 bits are rounded to 8 (those of
    RGB in PNG are truncated by the decoder).

    Returns:
        H x W (greyscale) or H x W x 3 (RGB), uint8, writeable.

    Raises:
        DataError: the file is missing, damaged, too large, of floating-point samples or no image.
    """
    wide = read_rgb16_tiff(path)
    if wide is not None:
        return _to_8_bit(wide)[..., :3]
    image = open_image(path)
    if image.mode == "F":
        raise DataError(f"{path} holds floating-point samples, whose range is not known")
    if image.mode.startswith("I"):
        return _to_8_bit(np.clip(np.asarray(image), 0, 65535))
    return np.array(image.convert("L" if image.mode in ("1", "L", "LA", "La") else "RGB"))


def open_image(path: Path) -> Image.Image:
    """Decode a file with Pillow, in whatever mode it has.

    Raises:
        DataError: the file is missing, damaged, too large or no image.
    """
    try:
        with warnings.catch_warnings():
            # Of sizes, which are checked here, and of damaged metadata beside sound pixels.
            warnings.simplefilter("ignore")
            image = Image.open(path)
            _check_size(path, image.width, image.height)
            image.load()
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"no image at {path}") from None
    except UnidentifiedImageError as error:
        raise DataError(f"cannot decode {path}: no image of a format that is known") from error
    except Exception as error:  # Decoders raise many types on damaged files.
        raise DataError(f"cannot decode {path}: {error}. Replace or remove the file.") from error
    return image


def read_rgb16_tiff(path: Path) -> UInt16Array | None:
    """Decode a TIFF with 16-bit RGB or RGBA samples, for which Pillow has no mode.

    Returns:
        H x W x 3 or H x W x 4, uint16; None if the file is anything else, or unreadable.

    Raises:
        DataError: it is such a file, but damaged or too large.
    """
    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    import tifffile

    ours = False
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            ours = page.dtype == np.uint16 and page.photometric == tifffile.PHOTOMETRIC.RGB
            if not ours:
                return None
            _check_size(path, page.imagewidth, page.imagelength)
            samples = np.asarray(page.asarray())
    except DataError:
        raise
    except Exception as error:  # Damaged files raise many types.
        if not ours:
            return None  # Pillow's message is the better one.
        raise DataError(f"cannot decode {path}: {error}. Replace or remove the file.") from error
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        samples = np.moveaxis(samples, 0, -1)
    if samples.ndim != 3 or samples.shape[2] not in (3, 4):
        raise DataError(f"{path} has samples of shape {samples.shape}; RGB or RGBA was expected")
    return samples


def write_image(path: Path, pixels: UInt8Array) -> None:
    """Write an image atomically, in the format of the path's suffix and as well as it can.

    Args:
        path: PNG, BMP, TIFF and WebP are lossless, JPEG is not.
        pixels: H x W (greyscale) or H x W x 3 (RGB), uint8.

    Raises:
        DataError: the suffix is none of an image format.
        OSError: the folder is not writable or the disk is full.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: unknown image format; known are {', '.join(SUFFIXES)}")
    options: dict[str, object] = {}
    if suffix == ".webp":
        options = {"lossless": True}
    elif suffix in (".jpg", ".jpeg"):
        options = {"quality": 95, "subsampling": 0}
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, Image.registered_extensions()[suffix], **options)
    write_atomically(path, buffer.getvalue())


def _to_8_bit(samples: NDArray[np.generic]) -> UInt8Array:
    """16-bit samples in 0..65535 to 8 bits, rounding: 257 is 65535 / 255."""
    return np.asarray(np.rint(samples.astype(np.float64) / 257), dtype=np.uint8)


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{path} claims {width}x{height} pixels, more than the {MAX_PIXELS:,} that are decoded"
        )
    if width * height == 0:
        raise DataError(f"{path} has no pixels")
