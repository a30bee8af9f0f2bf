"""TIFF written strip by strip."""

import zlib
from collections.abc import Iterable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike

from harness.upscale.picture import ORIENTATION, Pixels
from harness.upscale.strips import ROWS, encoded, residual_compressor

_LARGEST_CLASSIC = 4 * 10**9
"""Bytes; the offsets of a TIFF have 32 bits, unless it is a BigTIFF."""
_HORIZONTAL = 2
"""The predictor: each sample less that of the pixel on its left."""


def write_tiff(
    file: BinaryIO,
    strips: Iterable[Pixels],
    shape: tuple[int, int, int],
    dtype: DTypeLike,
    icc: bytes | None,
    orientation: int | None,
    dpi: tuple[float, float] | None,
) -> None:
    """Write a TIFF, of 8 or 16 bits or floating-point, grey or RGB, with or without alpha.

    Args:
        file: to be written.
        strips: h x W x C, of ``ROWS`` rows each, but for the last.
        shape: H, W, C.
        dtype: of the samples.
        icc: the colour profile.
        orientation: as in EXIF.
        dpi: pixels per inch, across and down.

    Raises:
        OSError: the disk is full.
    """
    import tifffile

    channels = shape[2]
    options: dict[str, Any] = {}
    if channels in (2, 4):
        options["extrasamples"] = ["unassalpha"]
    if orientation is not None:
        options["extratags"] = [(ORIENTATION, "H", 1, orientation, True)]
    if dpi is not None:
        options.update(resolution=dpi, resolutionunit="inch")
    raw_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    with tifffile.TiffWriter(file, bigtiff=raw_bytes > _LARGEST_CLASSIC) as tiff:
        tiff.write(
            encoded(_compressed, strips),
            shape=shape if channels > 1 else shape[:2],
            dtype=dtype,
            rowsperstrip=min(ROWS, shape[0]),
            photometric="rgb" if channels > 2 else "minisblack",
            planarconfig="contig" if channels > 1 else None,
            compression="zlib",
            predictor=_HORIZONTAL if np.issubdtype(dtype, np.integer) else None,
            iccprofile=icc,
            metadata=None,
            **options,
        )


def _compressed(strip: Pixels) -> bytes:
    if np.issubdtype(strip.dtype, np.integer):
        strip = np.diff(strip, axis=1, prepend=strip.dtype.type(0))
        deflate = residual_compressor()
    else:
        deflate = zlib.compressobj(level=1)
    return deflate.compress(strip.data) + deflate.flush()
