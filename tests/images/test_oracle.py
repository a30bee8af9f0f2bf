"""Pixels are the file's: every kind of TIFF and PNG against values that plain numpy computes."""

import itertools
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
from PIL import Image

from harness.errors import DataError
from harness.images.decode import decode, read_image

RNG = np.random.default_rng(3)
# Where TIFF 6.0 says that the stored first row and first column are, as (rows, columns) turned.
TURNS: dict[int, Any] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.swapaxes(np.rot90(a, 2), 0, 1),
    8: np.rot90,
}


def eight(samples: np.ndarray) -> np.ndarray:
    return samples if samples.dtype == np.uint8 else np.floor(samples / 257 + 0.5).astype(np.uint8)


@dataclass(frozen=True)
class Written:
    """A file, and its pixels as they are stored; ``upright`` as they are to be read."""

    path: Path
    pixels: np.ndarray
    orientation: int
    divided: bool
    planes: bool
    white_is_zero: bool

    @property
    def upright(self) -> np.ndarray:
        turned: np.ndarray = TURNS[self.orientation](self.pixels)
        return turned

    def check(self, found: np.ndarray) -> None:
        assert found.dtype == self.pixels.dtype
        assert found.shape == self.upright.shape
        assert np.abs(found.astype(int) - self.upright).max() <= self.divided, self.path


def write_tiffs(
    folder: Path, bits: int, compression: str | None, orientation: int
) -> Iterator[Written]:
    """Photometric kinds x alpha kinds x byte orders x planes."""
    orders: tuple[Literal["<", ">"], ...] = ("<", ">")
    kinds = itertools.product(("minisblack", "miniswhite", "rgb"), (None, 1, 2), orders, (0, 1))
    for number, (photometric, alpha, order, separate) in enumerate(kinds):
        colours = 3 if photometric == "rgb" else 1
        channels = colours + (alpha is not None)
        dtype, largest = (np.uint8, 255) if bits == 8 else (np.uint16, 65535)
        stored = RNG.integers(0, largest + 1, (7, 10, channels), dtype=dtype)
        if separate and channels == 1:
            continue
        white = photometric == "miniswhite"
        if alpha == 1:  # Colours that were multiplied by alpha are no larger.
            small = np.minimum(stored[..., :colours], stored[..., colours:])
            stored[..., :colours] = largest - small if white else small
        tifffile.imwrite(
            path := folder / f"{compression}-{bits}-{orientation}-{number}.tif",
            np.moveaxis(stored, -1, 0) if separate else stored[..., 0] if channels == 1 else stored,
            photometric=photometric,
            planarconfig=("separate" if separate else "contig") if channels > 1 else None,
            extrasamples=None if alpha is None else [alpha],
            byteorder=order,
            compression=compression,
            predictor=compression in ("zlib", "lzw") and bits == 16,
            rowsperstrip=3,
            metadata=None,
            extratags=[(274, "H", 1, orientation, True)],
        )
        colour = largest - stored[..., :1] if white else stored[..., :colours]
        colour = colour.astype(dtype)
        if alpha == 1:
            divided = colour / np.maximum(stored[..., colours:], 1) * largest
            colour = np.rint(np.minimum(divided, largest)).astype(dtype)
        pixels = np.dstack([colour, stored[..., colours:]])
        yield Written(path, pixels, orientation, alpha == 1, bool(separate), white)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("bits", [8, 16])
def test_tiff(tmp_path: Path, orientation: int, compression: str | None, bits: int) -> None:
    if compression == "lzw":
        pytest.importorskip("imagecodecs")
    for file in write_tiffs(tmp_path, bits, compression, orientation):
        found = decode(file.path)
        assert found.orientation == orientation
        file.check(TURNS[orientation](found.pixels))
        if not file.divided:
            n_colours = 1 if file.pixels.shape[2] < 3 else 3
            upright = eight(file.upright)[..., :n_colours]
            np.testing.assert_array_equal(
                read_image(file.path), upright[..., 0] if n_colours == 1 else upright
            )


WITHOUT_CODECS = """
import sys
sys.modules["imagecodecs"] = None
import numpy as np
from pathlib import Path
from harness.errors import DataError
from harness.images.decode import decode
from tests.images.test_oracle import TURNS
for path in Path(sys.argv[1]).glob("*.tif"):
    try:
        found = decode(path)
        np.save(path.with_suffix(".npy"), TURNS[found.orientation](found.pixels))
    except DataError as error:
        path.with_suffix(".txt").write_text(str(error))
"""


def test_without_the_extra_pixels_are_the_files_or_the_extra_is_named(tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs")  # Which writes LZW here.
    written = [
        file
        for compression in (None, "zlib", "packbits", "lzw", "zstd", "jpeg2000")
        for bits, orientation in ((8, 1), (8, 6), (16, 3))
        for file in write_tiffs(tmp_path, bits, compression, orientation)
    ]
    # Behind a thumbnail.
    pixels = RNG.integers(0, 256, (7, 10, 3), dtype=np.uint8)
    with tifffile.TiffWriter(path := tmp_path / "lzw-8-1-second.tif") as tiff:
        tiff.write(pixels[:2, :2], subfiletype=1, photometric="rgb")
        tiff.write(pixels, compression="lzw", photometric="rgb")
    written.append(Written(path, pixels, 1, False, False, False))
    subprocess.run([sys.executable, "-c", WITHOUT_CODECS, tmp_path], check=True)
    for file in written:
        refused = file.path.with_suffix(".txt")
        # Releases of Pillow differ in what they read of these.
        needs_more = file.path.name.startswith(("lzw", "zstd", "jpeg2000"))
        if needs_more and refused.exists():
            assert "pip install 'cms-lapsrn-harness[tiff]'" in refused.read_text()
        else:
            file.check(np.load(file.path.with_suffix(".npy")))


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12, 14])
def test_grey_tiff_of_odd_depths_fills_the_range(tmp_path: Path, bits: int) -> None:
    if bits > 1:
        pytest.importorskip("imagecodecs")
    largest = 2**bits - 1
    samples = RNG.integers(0, largest + 1, (6, 9))
    digits = (samples[..., None] >> np.arange(bits)[::-1]) & 1
    data = np.packbits(digits.reshape(6, -1).astype(np.uint8), axis=1).tobytes()
    entries = [(256, 9), (257, 6), (258, bits), (259, 1), (262, 1), (273, 8 + 2 + 9 * 12 + 4),
               (277, 1), (278, 6), (279, len(data))]  # fmt: skip
    head = struct.pack("<2sHIH", b"II", 42, 8, 9)
    head += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    (tmp_path / "x.tif").write_bytes(head + bytes(4) + data)
    np.testing.assert_array_equal(
        read_image(tmp_path / "x.tif"), np.floor(samples * 255 / largest + 0.5)
    )


@pytest.mark.parametrize("kind", ["int16", "uint32", "cielab"])
def test_tiff_of_unknown_meaning_is_refused(tmp_path: Path, kind: str) -> None:
    if kind == "cielab":
        tifffile.imwrite(tmp_path / "x.tif", np.ones((4, 5, 3), np.uint8), photometric="cielab")
    else:
        tifffile.imwrite(tmp_path / "x.tif", np.ones((4, 5), kind))
    with pytest.raises(DataError, match="holds"):
        read_image(tmp_path / "x.tif")


def png(samples: np.ndarray, depth: int, colour: int, clear: bytes, rows: int) -> bytes:
    """Independent of any library: filter 0, one block of data."""
    digits = (samples[..., None] >> np.arange(depth)[::-1]) & 1
    packed = np.packbits(digits.reshape(len(samples), -1).astype(np.uint8), axis=1)
    raw = b"".join(b"\0" + row.tobytes() for row in packed[:rows])

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    head = struct.pack(">IIBBBBB", samples.shape[1], len(samples), depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"tRNS", clear) if clear else b""]
    parts += [chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(3_000_000)))]
    parts += [chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


KINDS = [(0, 1, d) for d in (1, 2, 4, 8, 16)] + [(c, n, d) for c, n in ((2, 3), (4, 2), (6, 4))
                                                 for d in (8, 16)]  # fmt: skip


@pytest.mark.parametrize(("colour", "channels", "depth"), KINDS)
@pytest.mark.parametrize("transparent", [False, True])
def test_png(tmp_path: Path, colour: int, channels: int, depth: int, transparent: bool) -> None:
    samples = RNG.integers(0, 2**depth, (6, 9, channels))
    transparent = transparent and colour in (0, 2)
    clear = samples[2, 3].astype(">u2").tobytes() if transparent else b""
    path = tmp_path / "x.png"
    path.write_bytes(png(samples, depth, colour, clear, 6))
    full = (samples * (255 // (2**depth - 1)) if depth < 8 else samples).astype(
        np.uint16 if depth == 16 else np.uint8
    )
    expected = full
    if transparent:
        opaque = (samples != samples[2, 3]).any(axis=2) * np.iinfo(full.dtype).max
        expected = np.dstack([full, opaque])
    np.testing.assert_array_equal(decode(path).pixels, expected)
    wanted = eight(full)[..., : 1 if channels < 3 else 3]
    np.testing.assert_array_equal(read_image(path), wanted[..., 0] if channels < 3 else wanted)
    path.write_bytes(png(samples, depth, colour, clear, 4))
    with pytest.raises(DataError, match="rows of pixels are missing"):
        read_image(path)


def test_postscript_is_no_image(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "x.eps")
    (tmp_path / "x.eps").rename(tmp_path / "x.png")
    with pytest.raises(DataError, match="no image of a format that is known"):
        read_image(tmp_path / "x.png")


def test_a_very_long_image_is_refused_at_once(tmp_path: Path) -> None:
    head = struct.pack(">IIBBBBB", 1, 170_000_000, 8, 2, 0, 0, 0)
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + head + bytes(4))
    with pytest.raises(DataError, match="on one side"):
        read_image(tmp_path / "x.png")
