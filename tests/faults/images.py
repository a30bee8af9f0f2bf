"""Image files with flipped bits, cut short, or with other values in their headers."""

import io
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from harness.images.decode import read_image
from tests.faults.base import Case, Rng, WrongError, mutated, opens, took

SIZE = 24


@cache
def sound() -> dict[str, bytes]:
    """Small files of many kinds, by name."""
    y, x = np.mgrid[:SIZE, :SIZE]
    rgb = np.stack([x * 10, y * 10, (x + y) * 5], axis=-1).astype(np.uint8)
    grey = rgb[..., 0]
    alpha = np.dstack([rgb, 255 - grey])
    made: dict[str, bytes] = {}

    def pillow(name: str, pixels: Any, kind: str, **options: Any) -> None:
        file = io.BytesIO()
        mode = options.pop("mode", None)
        image = Image.fromarray(pixels)
        (image.convert(mode) if mode else image).save(file, kind, **options)
        made[name] = file.getvalue()

    pillow("rgb.png", rgb, "PNG")
    pillow("grey.png", grey, "PNG")
    pillow("alpha.png", alpha, "PNG")
    pillow("palette.png", rgb, "PNG", mode="P")
    pillow("bits.png", grey, "PNG", mode="1")
    pillow("la.png", grey, "PNG", mode="LA")
    pillow("grey16.png", grey.astype(np.uint16) * 257, "PNG")
    pillow("rgb.jpg", rgb, "JPEG", quality=95)
    pillow("progressive.jpg", rgb, "JPEG", progressive=True)
    pillow("grey.jpg", grey, "JPEG")
    pillow("cmyk.jpg", rgb, "JPEG", mode="CMYK")
    pillow("rgb.bmp", rgb, "BMP")
    pillow("palette.bmp", rgb, "BMP", mode="P")
    pillow("rgb.webp", rgb, "WEBP", lossless=True)
    pillow("lossy.webp", rgb, "WEBP")
    pillow("rgb.gif", rgb, "GIF")
    pillow("rgb.ppm", rgb, "PPM")
    pillow("exif.jpg", rgb, "JPEG", exif=_exif())
    pillow("exif.png", rgb, "PNG", exif=_exif())
    for name, pixels, options in (
        ("rgb.tif", rgb, {}),
        ("grey.tif", grey, {}),
        ("rgb16.tif", rgb.astype(np.uint16) * 257, {"photometric": "rgb"}),
        ("grey16.tif", grey.astype(np.uint16) * 257, {}),
        ("deflate.tif", rgb, {"compression": "zlib"}),
        ("big.tif", rgb, {"bigtiff": True}),
        ("tiled.tif", rgb, {"tile": (16, 16)}),
        ("alpha.tif", alpha, {"extrasamples": ["unassalpha"]}),
        ("float.tif", (rgb / 255).astype(np.float32), {"photometric": "rgb"}),
        ("half.tif", (grey / 255).astype(np.float16), {}),
    ):
        file = io.BytesIO()
        big = bool(options.pop("bigtiff", False))
        with tifffile.TiffWriter(file, bigtiff=big) as writer:
            writer.write(pixels, **options)
        made[name] = file.getvalue()
    pillow("lzw.tif", rgb, "TIFF", compression="tiff_lzw")
    pillow("turned.tif", rgb, "TIFF", tiffinfo={274: 6})
    return made


def _exif() -> Any:
    exif = Image.Exif()
    exif[274], exif[271] = 6, "x" * 40
    return exif


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` files, read as HR images; one of ten is upscaled, too."""
    rng = Rng(f"images {seed}")
    files = sound()
    for _ in range(n):
        name = rng.choice(sorted(files))
        data = files[name]
        if rng.random() < 0.4:
            # Headers matter most.
            how, head = mutated(rng, data[:120])
            damaged = head + data[120:]
        else:
            how, damaged = mutated(rng, data)
        wears = name if rng.random() < 0.9 else f"other.{rng.choice(('png', 'jpg', 'tif', 'bmp'))}"
        yield Case(
            f"{name}: {how} as {wears}", _run(name, data, damaged, wears, rng.random() < 0.1)
        )


def _run(
    name: str, data: bytes, damaged: bytes, wears: str, upscale: bool
) -> Callable[[Path], bool]:
    def run(folder: Path) -> bool:
        path = folder / wears
        path.write_bytes(damaged)
        if upscale:
            out = folder / "out.png"
            took("upscale", path, "--variant=bicubic", "--scale=2", "-o", out)
        pixels: list[np.ndarray] = []
        fine = opens(lambda: pixels.append(read_image(path)))
        if fine:
            _judge(name, data, damaged, pixels[0], folder)
        return fine

    return run


def _judge(name: str, data: bytes, damaged: bytes, got: np.ndarray, folder: Path) -> None:
    """Wrong only where it is certain: cut files, and what PNG's checksums cover."""
    if got.dtype != np.uint8 or got.ndim not in (2, 3) or (got.ndim == 3 and got.shape[2] != 3):
        raise WrongError(f"an array of {got.dtype}, {got.shape}")
    cut = data.startswith(damaged)
    if not (cut or _checksums_broken(data, damaged)):
        return
    whole = folder / f"whole{Path(name).suffix}"
    whole.write_bytes(data)
    expected = read_image(whole)
    if got.shape != expected.shape or not np.array_equal(got, expected):
        raise WrongError("pixels of a damaged file that are not the file's")


def _checksums_broken(data: bytes, damaged: bytes) -> bool:
    """Whether a PNG of the same length differs, but not in what a chunk is called or how long."""
    if not data.startswith(b"\x89PNG") or len(data) != len(damaged):
        return False
    changed = {i for i, (a, b) in enumerate(zip(data, damaged, strict=True)) if a != b}
    at = 8
    inside: set[int] = set()
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] in (b"IHDR", b"PLTE", b"IDAT"):
            inside |= set(range(at + 8, at + 12 + size))
        at += 12 + size
    return bool(changed) and changed <= inside
