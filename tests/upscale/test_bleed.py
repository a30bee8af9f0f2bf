"""What lies under transparency reaches no visible pixel, and alpha is what it was."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.images.imresize import imresize
from harness.upscale.bleed import bled
from harness.upscale.engine import Upscaler
from harness.upscale.files import Pair, upscale_file
from harness.upscale.luma import BicubicLuma, Luma, luma_of
from variants import create_model


def disc(dtype: type, channels: int, hidden: int = 0) -> np.ndarray:
    """A white disc on clear, whose edge is soft; ``hidden`` under what is wholly clear."""
    full = np.iinfo(dtype).max
    y, x = np.mgrid[:40, :44]
    alpha = np.clip(14.5 - np.hypot(y - 19, x - 21), 0, 1)
    pixels: np.ndarray = np.full((40, 44, channels), full, dtype)
    pixels[alpha == 0] = hidden
    pixels[..., -1] = np.rint(alpha * full)
    return pixels


def network() -> Luma:
    return luma_of(create_model("ms-lapsrn", 2, pretrained=True))


@pytest.mark.parametrize("make", [lambda: BicubicLuma(4), network])
@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tile", [9, 64])
def test_white_on_clear_stays_white(make, channels: int, dtype: type, tile: int) -> None:
    pixels, upscaler = disc(dtype, channels), Upscaler(make(), tile=tile)
    found = np.concatenate(list(upscaler.bands(pixels)))
    full = np.iinfo(dtype).max
    assert found[found[..., -1] > 0].min(where=[True] * (channels - 1) + [False], initial=full) >= (
        250 * (full // 255)
    )
    alpha = imresize(pixels[..., -1] / full, upscaler.scale)
    np.testing.assert_array_equal(found[..., -1], np.floor(np.clip(alpha, 0, 1) * full + 0.5))


@pytest.mark.parametrize("make", [lambda: BicubicLuma(4), network])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("level", [255, 128])
@pytest.mark.parametrize("how", ["black", "premultiplied"])
def test_a_soft_edge_has_no_fringe(make, dtype: type, level: int, how: str) -> None:
    """On black, where a disc of one colour is to show the colour times the upscaled alpha."""
    full = int(np.iinfo(dtype).max)
    y, x = np.mgrid[:40, :44]
    alpha = np.rint(np.clip((19 - np.hypot(y - 19, x - 21)) / 8, 0, 1) * full)[..., None]
    grey = np.full_like(alpha, level * full // 255)
    if how == "black":  # What has next to no alpha has no colour, either.
        grey[alpha <= 3 * full / 255] = 0
    else:  # Stored multiplied by alpha, rounded, and divided again.
        grey = np.minimum(np.rint(np.rint(grey * alpha / full) * full / np.maximum(alpha, 1)), full)
    assert ((alpha > 0) & (alpha <= 3 * full / 255)).any()
    upscaler = Upscaler(make())
    found = np.concatenate(list(upscaler.bands(np.dstack([grey, alpha]).astype(dtype)))) / full
    expected = level / 255 * np.clip(imresize(alpha[..., 0] / full, upscaler.scale), 0, 1)
    assert np.abs(found[..., 0] * found[..., 1] - expected).max() < 4 / 255


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_only_colours_that_nobody_sees_are_replaced(dtype: type) -> None:
    full = int(np.iinfo(dtype).max)
    pixels: np.ndarray = np.random.default_rng(0).integers(0, full + 1, (30, 30, 4)).astype(dtype)
    pixels[..., 3] = np.linspace(0, 9 * full / 255, 900).reshape(30, 30)
    changed = (bled(pixels) != pixels).any(axis=2)
    assert pixels[..., 3][changed].max() == 3 * full // 255
    np.testing.assert_array_equal(changed, pixels[..., 3] <= 3 * full / 255)
    faint = pixels[:5]
    np.testing.assert_array_equal((bled(faint) != faint).any(axis=2), faint[..., 3] == 0)


@pytest.mark.parametrize("hidden", [0, 77, 255])
def test_hidden_colours_make_no_difference(hidden: int) -> None:
    upscaler = Upscaler(BicubicLuma(2), tile=11)
    a, b = (np.concatenate(list(upscaler.bands(disc(np.uint8, 4, h)))) for h in (hidden, 13))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("alpha", [1, 128, 255])
@pytest.mark.parametrize("channels", [2, 4])
def test_without_wholly_clear_pixels_nothing_changes(channels: int, alpha: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, channels), dtype=np.uint8)
    pixels[..., -1] = alpha
    assert bled(pixels) is pixels
    opaque = pixels[..., :-1]
    parts = [np.concatenate(list(Upscaler(BicubicLuma(2)).bands(p))) for p in (pixels, opaque)]
    np.testing.assert_array_equal(parts[0][..., :-1], parts[1])


def test_a_wholly_clear_picture_has_nothing_to_spread() -> None:
    pixels = np.zeros((5, 6, 4), np.uint8)
    assert bled(pixels) is pixels


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 30))
def test_each_clear_pixel_gets_a_nearest_visible_one(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[..., 3] *= rng.random((height, width)) < 0.2
    before, found = pixels.copy(), bled(pixels)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(found[..., 3], pixels[..., 3])
    clear = pixels[..., 3] <= 3 * (pixels[..., 3].max() > 3)
    visible = np.argwhere(~clear)
    for place in np.argwhere(clear) if len(visible) else []:
        distances = ((visible - place) ** 2).sum(axis=1)
        nearest = pixels[tuple(visible[distances == distances.min()].T)][:, :3]
        assert (found[tuple(place)][:3] == nearest).all(axis=1).any()


def test_more_rows_than_are_replaced_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = disc(np.uint8, 4)
    whole = bled(pixels)
    monkeypatch.setattr("harness.upscale.bleed._ROWS", 7)
    np.testing.assert_array_equal(bled(pixels), whole)


def test_a_file_of_a_disc(tmp_path: Path) -> None:
    Image.fromarray(disc(np.uint8, 4)).save(tmp_path / "a.png")
    upscale_file(Pair(tmp_path / "a.png", tmp_path / "b.webp"), Upscaler(BicubicLuma(4)))
    found = np.asarray(Image.open(tmp_path / "b.webp"))
    assert found[..., :3][found[..., 3] > 0].min() >= 250
