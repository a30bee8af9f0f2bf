"""Large pictures are written as their rows come, and are what they would be at once."""

import struct
import threading
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from harness.images.imresize import imresize
from harness.upscale import strips as strips_module
from harness.upscale import tiff
from harness.upscale.canvas import Canvas
from harness.upscale.picture import ORIENTATION, Picture, to_image
from harness.upscale.strips import ROWS, encoded, in_strips

RNG = np.random.default_rng(11)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photo(channels: int, dtype: type = np.uint8, height: int = 167, width: int = 61) -> np.ndarray:
    """Smooth and with grain, of a height and width that no strip or block divides."""
    small = RNG.integers(60, 200, (-(-height // 8), -(-width // 8), channels)) / 1.0
    grain = RNG.normal(0, 2, (height, width, channels))
    pixels = imresize(small, 8)[:height, :width] + grain
    return np.rint(pixels * (np.iinfo(dtype).max / 255)).astype(dtype)


def surroundings() -> dict[str, Any]:
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x010F] = 6, "A camera"
    exif.get_ifd(0x8769).update({0xA002: 61, 0xA003: 167})
    return {"exif": exif, "icc": PROFILE, "dpi": (300, 299), "gamma": 0.5}


def write(path: Path, pixels: np.ndarray, **others: Any) -> Canvas:
    canvas = Canvas(Picture(pixels, **others), 1, path)
    canvas.write(np.split(pixels, [5, 77, 77, 140]))
    return canvas


@pytest.fixture
def both(tmp_path: Path) -> Any:
    """Writes a picture at once, as Pillow does, and in strips."""

    def write_both(pixels: np.ndarray, **others: Any) -> tuple[Path, Path, Canvas]:
        paths = tmp_path / "whole.png", tmp_path / "strips.png"
        with paths[0].open("wb") as file:
            Canvas(Picture(pixels, **others), 1, paths[0])._save(to_image(pixels), file)
        return *paths, write(paths[1], pixels, **others)

    return write_both


@given(st.lists(st.integers(1, 150), min_size=1, max_size=8))
def test_bands_of_any_height_become_strips(heights: list[int]) -> None:
    rows = RNG.integers(0, 256, (sum(heights), 2, 3), dtype=np.uint8)
    strips = list(in_strips(np.split(rows, np.cumsum(heights)[:-1])))
    np.testing.assert_array_equal(np.concatenate(strips), rows)
    assert all(len(strip) == ROWS for strip in strips[:-1])
    assert all(strip.flags.c_contiguous for strip in strips)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_strips_are_what_pillow_makes_of_the_whole(both: Any, channels: int) -> None:
    pixels = photo(channels)
    paths = both(pixels, **surroundings())[:2]
    assert paths[0].read_bytes() != paths[1].read_bytes()
    with Image.open(paths[0]) as whole, Image.open(paths[1]) as strips:
        assert whole.mode == strips.mode
        assert strips.info["icc_profile"] == PROFILE
        assert strips.info["dpi"] == pytest.approx((300, 299), abs=0.01)
        assert strips.info["gamma"] == whole.info["gamma"] == 0.5
        assert dict(whole.getexif()).get(0x010F) == dict(strips.getexif()).get(0x010F)
        assert whole.getexif().get_ifd(0x8769) == strips.getexif().get_ifd(0x8769)
        assert whole.getexif().get(ORIENTATION) == strips.getexif().get(ORIENTATION)
        np.testing.assert_array_equal(np.asarray(whole), np.asarray(strips))
        np.testing.assert_array_equal(np.asarray(strips).reshape(pixels.shape), pixels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_strips_of_tiff(tmp_path: Path, channels: int, dtype: type) -> None:
    pixels = photo(channels, dtype)
    write(tmp_path / "a.tif", pixels, **surroundings())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages.first
        np.testing.assert_array_equal(page.asarray().reshape(pixels.shape), pixels)
        assert page.tags[34675].value == PROFILE
        assert page.tags[ORIENTATION].value == 6
        assert page.get_resolution("inch") == pytest.approx((300, 299))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("height", [1, 64, 167])
def test_strips_of_16_bit_png(tmp_path: Path, channels: int, height: int) -> None:
    """Read by a decoder of the test's own, for Pillow has none for 16-bit colour."""
    pixels = photo(channels, np.uint16, height=height)
    assert not write(tmp_path / "a.png", pixels, **surroundings()).notes
    content = (tmp_path / "a.png").read_bytes()
    assert content[16:26] == struct.pack(
        ">IIBB", 61, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    )
    np.testing.assert_array_equal(decoded_png(content, height, 2 * channels), pixels)
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        assert image.info["icc_profile"] == PROFILE


def decoded_png(content: bytes, height: int, pixel_bytes: int) -> np.ndarray:
    """The samples of a 16-bit PNG whose rows all have Paeth's filter."""
    place, data = 8, b""
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        data += content[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += 12 + length
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, -1)
    assert (rows[:, 0] == 4).all()
    samples = np.zeros((height + 1, rows.shape[1] - 1 + pixel_bytes), int)
    for row in range(height):
        for column in range(pixel_bytes, samples.shape[1]):
            left, up = samples[row + 1, column - pixel_bytes], samples[row, column]
            between = samples[row, column - pixel_bytes]
            guess = min((left, up, between), key=lambda value: abs(left + up - between - value))
            samples[row + 1, column] = (rows[row, column - pixel_bytes + 1] + guess) % 256
    whole = samples[1:, pixel_bytes:].astype(np.uint8).view(">u2")
    return whole.reshape(height, -1, pixel_bytes // 2)


def test_a_png_in_strips_is_about_as_small(both: Any) -> None:
    whole, strips, _ = both(photo(3, height=500, width=400))
    assert strips.stat().st_size < 1.02 * whole.stat().st_size


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 90, 1), (200, 1, 4), (64, 5, 3), (128, 9, 1)])
def test_strips_of_odd_shapes(both: Any, shape: tuple[int, int, int]) -> None:
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    whole, strips, _ = both(pixels)
    with Image.open(whole) as one, Image.open(strips) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_tiff_beyond_four_gigabytes_is_a_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff, "_LARGEST_CLASSIC", 0)
    pixels, path = photo(3), tmp_path / "a.tif"
    write(path, pixels)
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff
    np.testing.assert_array_equal(np.asarray(Image.open(path)), pixels)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_bands_are_let_go_one_by_one(tmp_path: Path, suffix: str) -> None:
    pixels = photo(3, height=300)
    n_alive = []

    def bands() -> Iterator[np.ndarray]:
        made: list[weakref.ref[np.ndarray]] = []
        for top in range(0, 300, 75):
            n_alive.append(sum(band() is not None for band in made))
            band = pixels[top : top + 75].copy()
            made.append(weakref.ref(band))
            yield band
            del band

    Canvas(Picture(pixels), 1, tmp_path / f"a.{suffix}").write(bands())
    assert n_alive == [0, 0, 0, 0]


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_end_half_way_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, suffix: str, error: type[BaseException]
) -> None:
    pixels = photo(3)

    def bands() -> Iterator[np.ndarray]:
        yield pixels[:100]
        raise error

    path = tmp_path / f"b.{suffix}"
    path.write_bytes(b"old")
    with pytest.raises(error):
        Canvas(Picture(pixels), 1, path).write(bands())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_strips_are_encoded_in_order_while_the_next_ones_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many wait as fit, and one that is larger than that is encoded, too."""
    seen: list[tuple[str, int]] = []
    started = threading.Event()

    def encode(strip: np.ndarray) -> int:
        started.wait(10)
        seen.append(("encoded", int(strip[0, 0, 0])))
        return int(strip[0, 0, 0])

    def strips() -> Iterator[np.ndarray]:
        for number in range(5):
            seen.append(("made", number))
            if number == 3:
                started.set()
            yield np.full((1, 4, 1), number, np.uint8)

    monkeypatch.setattr(strips_module, "_AHEAD_BYTES", 100)
    assert list(encoded(encode, strips())) == [0, 1, 2, 3, 4]
    assert seen.index(("encoded", 0)) > seen.index(("made", 3))
    monkeypatch.setattr(strips_module, "_AHEAD_BYTES", 1)
    assert list(encoded(encode, strips())) == [0, 1, 2, 3, 4]


def test_what_fails_in_the_encoder_ends_the_writing(tmp_path: Path) -> None:
    def encode(strip: np.ndarray) -> bytes:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        list(encoded(encode, iter([photo(1)])))
    assert not any(one.name.startswith("encoder") for one in threading.enumerate())
