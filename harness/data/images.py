"""Decoding image files to 8-bit arrays, and writing them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.errors import DataError

UInt8Array = NDArray[np.uint8]


def _to_8_bit(samples: NDArray[np.generic]) -> UInt8Array:
    """Rescale 16-bit samples to 8 bits, rounding."""
    return np.asarray(np.rint(samples.astype(np.float64) / 257), dtype=np.uint8)


def _decode(path: Path) -> UInt8Array:
    if path.suffix.lower() in (".tif", ".tiff"):
        # Pillow has no mode for 16-bit RGB.
        import tifffile

        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            if page.dtype == np.uint16 and page.shape[2:] in ((), (3,), (4,)):
                return _to_8_bit(page.asarray())[..., :3]
    with Image.open(path) as image:
        image.load()
        if image.mode.startswith("I"):
            return _to_8_bit(np.clip(np.asarray(image), 0, 65535))
        if image.mode in ("1", "L", "LA"):
            return np.asarray(image.convert("L"))
        return np.asarray(image.convert("RGB"))


def read_image(path: Path) -> UInt8Array:
    """Decode an image file.

    Greyscale stays greyscale; palettes become RGB; an alpha channel is dropped; of several frames
    the first is read; 16 bits are rounded to 8 (16-bit RGB in PNG is truncated by the decoder).

    Returns:
        H x W (greyscale) or H x W x 3 (RGB), uint8.

    Raises:
        DataError: the file is missing, damaged or no image.
    """
    try:
        pixels = _decode(path)
    except FileNotFoundError:
        raise DataError(f"no image at {path}") from None
    except Exception as error:  # Decoders raise many types on damaged files.
        raise DataError(f"cannot decode {path}: {error}. Replace or remove the file.") from error
    if pixels.size == 0:
        raise DataError(f"{path} has no pixels")
    return pixels
