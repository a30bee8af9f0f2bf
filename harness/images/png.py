"""What Pillow does not do for PNG: 16-bit colour, colours that are transparent, missing rows."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from harness.images.limits import Pixels, check_size, undecodable

# Limits for profiles and texts: ample for photographs, too small for decompression bombs.
PngImagePlugin.MAX_TEXT_CHUNK = 32 << 20  # type: ignore[misc,unused-ignore]
PngImagePlugin.MAX_TEXT_MEMORY = 64 << 20  # type: ignore[misc,unused-ignore]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 4, 6
_CHANNELS = {_GREY: 1, _RGB: 3, 3: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
_BLOCK = 1 << 20


class PngHeader:
    """The first chunk of a PNG.

    Raises:
        DataError: it is damaged, or claims too many pixels.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            head = file.read(33)
        if len(head) < 33 or head[12:16] != b"IHDR":
            raise undecodable(path, "its header is damaged")
        self.path = path
        self.width, self.height = (int.from_bytes(head[k : k + 4], "big") for k in (16, 20))
        self.depth, self.colour, self.interlaced = head[24], head[25], head[28] == 1
        if self.colour not in _CHANNELS or self.depth not in (1, 2, 4, 8, 16):
            raise undecodable(path, "its header is damaged")
        check_size(path, self.width, self.height)

    def check_rows(self) -> None:
        """Refuse a file that has fewer rows than it claims, which Pillow reads as black.

        Raises:
            DataError: rows are missing, or their compression is damaged.
        """
        expected = self._raw_bytes()
        found, unpacker = 0, zlib.decompressobj()
        try:
            for data in _image_data(self.path):
                while data and found < expected:
                    found += len(unpacker.decompress(data, _BLOCK))
                    data = unpacker.unconsumed_tail
            while found < expected and (more := unpacker.decompress(b"", _BLOCK)):
                found += len(more)
        except zlib.error as error:
            raise undecodable(self.path, f"its compressed rows are damaged ({error})") from error
        if found < expected:
            raise undecodable(self.path, "rows of pixels are missing")

    def _raw_bytes(self) -> int:
        bits = self.depth * _CHANNELS[self.colour]
        passes = _ADAM7 if self.interlaced else ((0, 0, 1, 1),)
        total = 0
        for left, top, across, down in passes:
            width, height = -((left - self.width) // across), -((top - self.height) // down)
            if width > 0 and height > 0:
                total += height * (1 + (width * bits + 7) // 8)
        return total


def is_png(path: Path) -> bool:
    """Whether a file begins as a PNG does, whatever its name says."""
    with path.open("rb") as file:
        return file.read(8) == SIGNATURE


def png_pixels(header: PngHeader, image: Image.Image) -> Pixels | None:
    """The samples of an opened, not yet loaded PNG where Pillow's conversion is not exact.

    Returns:
        H x W x C, uint8 or uint16, C as in :class:`harness.images.decode.Decoded`; None where
        Pillow's own modes hold all of the file.
    """
    clear = image.info.get("transparency")
    if header.colour == 3 or (header.depth < 16 and clear is None):
        return None
    if header.depth < 16:
        image.info.pop("transparency")
        plain = image.convert("L" if header.colour == _GREY else "RGB")
        pixels = np.asarray(plain).reshape(header.height, header.width, -1)
    elif header.colour == _GREY:
        grey = np.asarray(image)
        pixels = np.clip(grey, 0, 65535).astype(np.uint16)[..., None]
    else:
        pixels = _wide(header, image)
    if clear is None or header.colour not in (_GREY, _RGB):
        return pixels
    scale = 255 // (2**header.depth - 1) if header.depth < 8 else 1
    colour = np.array(clear, dtype=np.int64).reshape(-1) & (2**header.depth - 1)
    opaque = (pixels != colour * scale).any(axis=2, keepdims=True)
    return np.concatenate([pixels, opaque * np.array(np.iinfo(pixels.dtype).max, pixels.dtype)], 2)


def _wide(header: PngHeader, image: Image.Image) -> NDArray[np.uint16]:
    """16-bit samples of several channels, of which Pillow has modes for one byte at a time."""
    image.close()
    if header.colour == _GREY_ALPHA:  # Four bytes a pixel, as RGBA has.
        octets = _as(header.path, "RGBA", "RGBA")
        return octets.view(">u2").astype(np.uint16)
    mode = "RGB" if header.colour == _RGB else "RGBA"
    high = _as(header.path, mode, f"{mode};16B").astype(np.uint16)
    # Read as little-endian, the samples' low bytes are their high ones.
    return np.asarray(high * 256 + _as(header.path, mode, f"{mode};16L"), dtype=np.uint16)


def _as(path: Path, mode: str, raw: str) -> NDArray[np.uint8]:
    with Image.open(path, formats=("PNG",)) as image:
        codec, extents, offset, _ = image.tile[0]
        image._mode = mode
        image.tile = [(codec, extents, offset, raw)]  # type: ignore[list-item]
        image.info.pop("transparency", None)
        return np.array(image)


_DECISIVE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
"""Chunks that decide the pixels; Pillow checks the sums of some of them only."""


def _image_data(path: Path) -> Iterator[bytes]:
    """The contents of a file's IDAT chunks, piece by piece.

    Raises:
        DataError: a chunk that decides the pixels has not the checksum that the file says.
    """
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            left, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind == b"IEND":
                return
            if kind not in _DECISIVE:
                file.seek(left + 4, 1)
                continue
            checksum = zlib.crc32(kind)
            while left and (piece := file.read(min(left, _BLOCK))):
                checksum = zlib.crc32(piece, checksum)
                left -= len(piece)
                if kind == b"IDAT":
                    yield piece
            if not left and file.read(4) != checksum.to_bytes(4, "big"):
                raise undecodable(path, f"the checksum of its {kind.decode()} chunk is wrong")
