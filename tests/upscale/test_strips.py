"""Large pictures are written as their rows come, and are what they would be at once."""

import weakref
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
from harness.upscale import canvas as canvas_module
from harness.upscale import tiff
from harness.upscale.canvas import Canvas
from harness.upscale.picture import ORIENTATION, Picture
from harness.upscale.strips import ROWS, in_strips

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
    return {"exif": exif, "icc": PROFILE}


def write(path: Path, pixels: np.ndarray, **others: Any) -> Canvas:
    canvas = Canvas(Picture(pixels, **others), 1, path)
    canvas.write(np.split(pixels, [5, 77, 77, 140]))
    return canvas


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a picture at once and in strips."""

    def write_both(pixels: np.ndarray, suffix: str, **others: Any) -> tuple[Path, Path, Canvas]:
        paths = tmp_path / f"whole.{suffix}", tmp_path / f"strips.{suffix}"
        write(paths[0], pixels, **others)
        monkeypatch.setattr(canvas_module, "LARGEST_HELD", 0)
        return *paths, write(paths[1], pixels, **others)

    return write_both


@given(st.lists(st.integers(1, 150), min_size=1, max_size=8))
def test_bands_of_any_height_become_strips(heights: list[int]) -> None:
    rows = RNG.integers(0, 256, (sum(heights), 2, 3), dtype=np.uint8)
    strips = list(in_strips(np.split(rows, np.cumsum(heights)[:-1])))
    np.testing.assert_array_equal(np.concatenate(strips), rows)
    assert all(len(strip) == ROWS for strip in strips[:-1])
    assert all(strip.flags.c_contiguous for strip in strips)


@pytest.mark.parametrize(
    ("channels", "suffix"),
    [*((n, s) for n in (1, 2, 3, 4) for s in ("png", "tif")), (1, "jpg"), (3, "jpg")],
)
def test_strips_are_what_pillow_makes_of_the_whole(both: Any, channels: int, suffix: str) -> None:
    pixels = photo(channels)
    paths = both(pixels, suffix, **surroundings())[:2]
    assert paths[0].read_bytes() != paths[1].read_bytes()
    with Image.open(paths[0]) as whole, Image.open(paths[1]) as strips:
        assert whole.mode == strips.mode
        assert strips.info["icc_profile"] == PROFILE
        assert dict(whole.getexif()).get(0x010F) == dict(strips.getexif()).get(0x010F)
        assert whole.getexif().get_ifd(0x8769) == strips.getexif().get_ifd(0x8769)
        assert whole.getexif().get(ORIENTATION) == strips.getexif().get(ORIENTATION)
        np.testing.assert_array_equal(np.asarray(whole), np.asarray(strips))
        # Pillow turns a TIFF as it decodes it.
        turned = pixels if suffix != "tif" else np.rot90(pixels, -1)
        if suffix != "jpg":
            np.testing.assert_array_equal(np.asarray(strips).reshape(turned.shape), turned)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_strips_of_16_bit_grey(both: Any, suffix: str) -> None:
    pixels = photo(1, np.uint16)
    for path in both(pixels, suffix)[:2]:
        with Image.open(path) as image:
            assert image.mode == "I;16"
            np.testing.assert_array_equal(np.asarray(image), pixels[..., 0])


@pytest.mark.parametrize("channels", [3, 4])
def test_strips_of_16_bit_colour_are_rounded_where_they_must(both: Any, channels: int) -> None:
    pixels = photo(channels, np.uint16)
    whole, strips, canvas = both(pixels, "png")
    assert canvas.notes == ["16-bit samples were rounded to 8: .png here has no more"]
    for path in (whole, strips):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), np.rint(pixels / 257))


def test_a_png_in_strips_is_about_as_small(both: Any) -> None:
    whole, strips, _ = both(photo(3, height=500, width=400), "png")
    assert strips.stat().st_size < 1.02 * whole.stat().st_size


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 90, 1), (200, 1, 4), (64, 5, 3), (128, 9, 1)])
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_strips_of_odd_shapes(both: Any, shape: tuple[int, int, int], suffix: str) -> None:
    if suffix == "jpg" and shape[2] == 4:
        shape = (*shape[:2], 3)
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    whole, strips, _ = both(pixels, suffix)
    with Image.open(whole) as one, Image.open(strips) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_tiff_beyond_four_gigabytes_is_a_bigtiff(
    both: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff, "_LARGEST_CLASSIC", 0)
    pixels = photo(3)
    _, path, _ = both(pixels, "tif")
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff
    np.testing.assert_array_equal(np.asarray(Image.open(path)), pixels)


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_bands_are_let_go_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(canvas_module, "LARGEST_HELD", 0)
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


@pytest.mark.parametrize("largest_held", [0, 10**9])
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_end_half_way_leaves_the_old_file_and_nothing_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    largest_held: int,
    error: type[BaseException],
) -> None:
    monkeypatch.setattr(canvas_module, "LARGEST_HELD", largest_held)
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
