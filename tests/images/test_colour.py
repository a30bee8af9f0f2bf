"""RGB and YCbCr against BT.601's definition, which the code's matrix does not come from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import floats

from harness.images.colour import (
    luma_of_8_bit,
    rgb_to_y,
    rgb_to_ycbcr,
    ycbcr_to_8_bit,
    ycbcr_to_rgb,
)

IMAGES = arrays(np.float64, (3, 4, 3), elements=floats(0, 1))

# RGB in 0..1, and Y, Cb, Cr in 0..255: BT.601's colour bars at full amplitude.
BARS = [
    ((0, 0, 0), (16.0, 128.0, 128.0)),
    ((1, 1, 1), (235.0, 128.0, 128.0)),
    ((1, 0, 0), (81.481, 90.203, 240.0)),
    ((0, 1, 0), (144.553, 53.797, 34.214)),
    ((0, 0, 1), (40.966, 240.0, 109.786)),
    ((1, 1, 0), (210.034, 16.0, 146.214)),
    ((0, 1, 1), (169.519, 165.797, 16.0)),
    ((1, 0, 1), (106.447, 202.203, 221.786)),
]


@pytest.mark.parametrize(("rgb", "ycbcr"), BARS)
def test_colour_bars(rgb: tuple[int, ...], ycbcr: tuple[float, ...]) -> None:
    pixel = np.array([[rgb]], dtype=np.float64)
    np.testing.assert_allclose(rgb_to_ycbcr(pixel)[0, 0] * 255, ycbcr, atol=1e-9)
    np.testing.assert_allclose(ycbcr_to_rgb(np.array([[ycbcr]]) / 255)[0, 0], rgb, atol=1e-12)


@given(IMAGES)
@settings(deadline=None)
def test_definition(rgb: np.ndarray) -> None:
    red, green, blue = np.moveaxis(rgb, -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    expected = (
        16 + 219 * luma,
        128 + 112 * (blue - luma) / 0.886,
        128 + 112 * (red - luma) / 0.701,
    )
    # MATLAB's coefficients are rounded to three decimals of 255.
    np.testing.assert_allclose(
        rgb_to_ycbcr(rgb) * 255, np.stack(expected, axis=-1), atol=3 * 0.0005
    )


@given(IMAGES)
@settings(deadline=None)
def test_round_trip(rgb: np.ndarray) -> None:
    ycbcr = rgb_to_ycbcr(rgb)
    np.testing.assert_allclose(ycbcr_to_rgb(ycbcr), rgb, atol=1e-12)
    # A matrix product rounds in another order.
    np.testing.assert_allclose(rgb_to_y(rgb), ycbcr[..., 0], atol=1e-15)
    assert ycbcr.min() >= 16 / 255 - 1e-12
    assert ycbcr.max() <= 240 / 255 + 1e-12


def test_rgb_is_clipped_on_the_way_back() -> None:
    extreme = np.array([[[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]])
    rgb = ycbcr_to_rgb(extreme)
    assert rgb.min() == 0.0
    assert rgb.max() == 1.0


def test_luma_of_8_bit_is_that_of_the_same_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (31, 17, 3), dtype=np.uint8)
    np.testing.assert_allclose(luma_of_8_bit(pixels), rgb_to_y(pixels / 255), atol=1e-15)
    # Of a part as of the whole, bit for bit: equal images have no error.
    np.testing.assert_array_equal(luma_of_8_bit(pixels[3:, 5:-1]), luma_of_8_bit(pixels)[3:, 5:-1])
    np.testing.assert_array_equal(luma_of_8_bit(pixels[..., 0]), pixels[..., 0] / 255)


@pytest.mark.parametrize("shape", [(1, 1), (7, 40_000), (150, 500)])
def test_8_bit_is_the_rounded_rgb(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    y, chroma = rng.uniform(-0.1, 1.1, shape), rng.uniform(0, 1, (*shape, 2))
    exact = 255 * ycbcr_to_rgb(np.dstack([y, chroma]))
    ours = ycbcr_to_8_bit(y, chroma)
    assert ours.dtype == np.uint8
    # A value that lies between two levels may fall to either side.
    tie = np.abs(exact % 1 - 0.5) < 1e-9
    np.testing.assert_array_equal(ours[~tie], np.floor(exact + 0.5)[~tie])
    assert {0, 255} <= set(ours.ravel().tolist()) or shape == (1, 1)
