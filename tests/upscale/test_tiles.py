"""Tiles: they cover the image once, and no seam shows where they meet."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness.images.colour import rgb_to_ycbcr
from harness.images.imresize import imresize
from harness.metrics.sample import Sample, compose
from harness.upscale.bleed import NEARLY_CLEAR
from harness.upscale.engine import Upscaler
from harness.upscale.luma import BICUBIC_RADIUS, BicubicLuma, NetworkLuma, luma_of
from harness.upscale.tiles import plan_tiles, receptive_radius
from variants import create_model, list_models
from variants.backbones.base import SRModel

RNG = np.random.default_rng(3)


def assemble(upscaler: Upscaler, pixels: np.ndarray) -> np.ndarray:
    scale = upscaler.scale
    height, width, channels = pixels.shape
    whole = np.zeros((scale * height, scale * width, channels), pixels.dtype)
    for tile, part in upscaler.upscale(pixels):
        top, left = scale * tile.top, scale * tile.left
        whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return whole


@given(*(st.integers(1, n) for n in (90, 90, 50)), st.integers(0, 20), st.booleans())
@settings(max_examples=200, deadline=None)
def test_tiles_cover_every_pixel_once(
    height: int, width: int, size: int, margin: int, whole: bool
) -> None:
    covered = np.zeros((height, width), int)
    shapes = set()
    for tile in plan_tiles(height, width, size, margin, whole=whole):
        covered[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
        below, right = height - tile.top - tile.height, width - tile.left - tile.width
        enough = [min(margin, pixels) for pixels in (tile.top, below, tile.left, right)]
        assert all(have >= want for have, want in zip(tile.margins(), enough, strict=True))
        rows, columns = tile.core(2)
        assert rows.stop - rows.start == 2 * tile.height
        assert columns.start == 2 * (tile.left - tile.columns.start)
        shape = tile.rows.stop - tile.rows.start, tile.columns.stop - tile.columns.start
        assert min(tile.height, tile.width) >= 1
        assert max(shape) <= size + 2 * margin
        shapes.add(shape)
        if not whole:
            assert max(tile.height, tile.width) <= size
            assert list(tile.margins()) == enough
    assert (covered == 1).all()
    assert len(shapes) == 1 or not whole


# The input convolution and a level's convolutions see one pixel of their own level around.
def by_hand(name: str, scale: int, n_convs: int) -> int:
    levels = {2: 1, 4: 2, 8: 3}[scale]
    reach = 1.0
    for level in range(levels):
        reach += (n_convs + 1) / 2**level
    return int(np.ceil(reach + 1 / scale))


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize(("name", "n_convs"), [("ms-lapsrn", 10), ("cms-lapsrn-conv3", 10)])
def test_the_receptive_radius_is_what_the_layers_add_up_to(
    name: str, scale: int, n_convs: int
) -> None:
    found = receptive_radius(create_model(name, scale))
    assert found is not None
    # The crop of the transposed convolution decides on which side the last pixel falls.
    assert by_hand(name, scale, n_convs) - 2 <= found <= by_hand(name, scale, n_convs)


class Mean(SRModel):
    """Adds the mean of the whole image: nothing that tiles could do."""

    scale = 2

    def forward_levels(self, y: Tensor, scale: int | None = None) -> tuple[Tensor, ...]:
        return ((y + y.mean()).repeat_interleave(2, -1).repeat_interleave(2, -2),)

    def macs(self, height: int, width: int) -> int:
        return 0


def test_a_network_that_needs_the_whole_image_gets_it() -> None:
    model = Mean()
    assert receptive_radius(model) is None
    upscaler = Upscaler(luma_of(model), tile=8)
    pixels = RNG.integers(0, 128, (30, 20, 1), dtype=np.uint8)
    assert len(upscaler.plan(30, 20)) == 1
    expected = np.repeat(np.repeat(pixels + pixels.mean(), 2, 0), 2, 1)
    np.testing.assert_array_equal(assemble(upscaler, pixels), np.floor(expected + 0.5))


def random_network(name: str, scale: int) -> SRModel:
    torch.manual_seed(0)
    model = create_model(name, scale, width=4)
    with torch.no_grad():
        for parameter in model.parameters():
            # Biases that are not zero show at the borders, where padding is.
            parameter.add_(0.02 * torch.randn_like(parameter))
    return model


NETWORKS = [name for name in list_models() if name != "bicubic"]
DEEP = [("ms-lapsrn", 4), ("ms-lapsrn", 8), ("lapsrn", 4), ("lapsrn", 8), ("ms-lapsrn-d5r5", 4)]


@pytest.mark.parametrize(("name", "scale"), [*((name, 2) for name in NETWORKS), *DEEP])
def test_luma_in_tiles_is_the_luma_of_the_whole(name: str, scale: int) -> None:
    luma = NetworkLuma(random_network(name, scale), "cpu")
    y = RNG.random((37, 45))
    whole = luma(y)
    assert whole.shape == (37 * scale, 45 * scale)
    assert luma.radius is not None
    for tile in plan_tiles(37, 45, 20, luma.radius):
        part = luma(y[tile.rows, tile.columns], tile.margins())
        assert part.shape == (scale * tile.height, scale * tile.width)
        top, left = scale * tile.top, scale * tile.left
        expected = whole[top : top + part.shape[0], left : left + part.shape[1]]
        np.testing.assert_allclose(part, expected, atol=2e-4 * np.abs(whole).max())


def test_a_smaller_margin_would_show() -> None:
    """The test above can fail: two pixels less, and tiles differ from the whole."""
    luma = NetworkLuma(random_network("ms-lapsrn", 2), "cpu")
    assert luma.radius is not None
    y = RNG.random((45, 61))
    whole = luma(y)
    worst = 0.0
    for tile in plan_tiles(45, 61, 16, luma.radius - 4):
        part = luma(y[tile.rows, tile.columns], tile.margins())
        top, left = 2 * tile.top, 2 * tile.left
        expected = whole[top : top + part.shape[0], left : left + part.shape[1]]
        worst = max(worst, float(np.abs(part - expected).max()))
    assert worst > 2e-4 * np.abs(whole).max()


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_bicubic_in_tiles_is_exact(scale: int, channels: int, dtype: type) -> None:
    full = np.iinfo(dtype).max
    pixels = RNG.integers(0, full, (37, 23, channels), dtype=dtype, endpoint=True)
    if channels in (2, 4):  # Colours of clear pixels are replaced.
        pixels[..., -1] = np.maximum(pixels[..., -1], int(NEARLY_CLEAR * full) + 1)
    whole = np.floor(np.clip(imresize(pixels / full, scale), 0, 1) * full + 0.5)
    tiled = assemble(Upscaler(BicubicLuma(scale), tile=8), pixels)
    assert tiled.dtype == dtype
    # Through YCbCr and back a sum rounds differently in its last bit.
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert (tiled != whole).mean() < 0.001


def test_the_margin_of_bicubic_is_needed() -> None:
    y = RNG.random((20, 20))
    whole = imresize(y, 4)
    for margin, exact in ((BICUBIC_RADIUS, True), (1, False)):
        (*_, tile) = plan_tiles(20, 20, 10, margin)
        rows, columns = tile.core(4)
        part = imresize(y[tile.rows, tile.columns], 4)[rows, columns]
        assert np.allclose(part, whole[40:, 40:], atol=1e-12) is exact


@pytest.mark.parametrize("scale", [2, 4])
def test_colour_is_processed_as_in_the_protocol(scale: int) -> None:
    model = random_network("ms-lapsrn", scale)
    rgb = RNG.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    ycbcr = rgb_to_ycbcr(rgb / 255)
    luma = luma_of(model)
    sample = Sample(ycbcr[..., 0], ycbcr[..., 1:], hr_y=ycbcr[..., 0], scale=scale)
    expected = compose(sample, luma(ycbcr[..., 0])).astype(int)
    assert np.abs(assemble(Upscaler(luma, tile=16), rgb) - expected).max() <= 1


def test_grey_levels_are_the_luma() -> None:
    luma = luma_of(random_network("ms-lapsrn", 2))
    grey = RNG.integers(0, 256, (20, 31, 1), dtype=np.uint8)
    expected = np.floor(np.clip(luma(grey[..., 0] / 255), 0, 1) * 255 + 0.5)
    assert np.abs(assemble(Upscaler(luma), grey)[..., 0] - expected).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 4), (50, 1, 1), (2, 3, 2)])
@pytest.mark.parametrize("name", ["bicubic", "ms-lapsrn"])
def test_the_smallest_images(shape: tuple[int, int, int], name: str) -> None:
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    model = create_model("bicubic", 8) if name == "bicubic" else random_network(name, 8)
    upscaled = assemble(Upscaler(luma_of(model), tile=16), pixels)
    assert upscaled.shape == (8 * shape[0], 8 * shape[1], shape[2])


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_bicubic_does_not_depend_on_the_tiles(scale: int, channels: int) -> None:
    pixels = RNG.integers(0, 256, (41, 53, channels), dtype=np.uint8)
    upscaled = [assemble(Upscaler(BicubicLuma(scale), tile), pixels) for tile in (8, 19, 99)]
    np.testing.assert_array_equal(upscaled[0], upscaled[2])
    np.testing.assert_array_equal(upscaled[1], upscaled[2])


@pytest.mark.parametrize("tile", [8, 20, 99])
def test_bands_are_rows_of_tiles(tile: int) -> None:
    pixels = RNG.integers(0, 256, (41, 53, 3), dtype=np.uint8)
    upscaler = Upscaler(BicubicLuma(2), tile)
    done: list[None] = []
    bands = list(upscaler.bands(pixels, lambda: done.append(None)))
    assert all(
        band.shape[1:] == (106, 3) and len(band) <= 2 * (tile + BICUBIC_RADIUS) for band in bands
    )
    np.testing.assert_array_equal(np.concatenate(bands), assemble(upscaler, pixels))
    assert len(done) == len(upscaler.plan(41, 53))


@given(*(st.integers(1, n) for n in (60, 60, 30)), st.integers(0, 20), st.integers(0, 20))
@settings(max_examples=100, deadline=None)
def test_a_narrower_margin_is_the_same_part(
    height: int, width: int, size: int, margin: int, narrower: int
) -> None:
    image = np.arange(height * width).reshape(height, width)
    for tile in plan_tiles(height, width, size, margin):
        window = image[tile.rows, tile.columns]
        near = tile.within(narrower)
        part = window[near.rows, near.columns][near.core(1)]
        np.testing.assert_array_equal(part, window[tile.core(1)])
        assert near.margins() == tuple(min(pixels, narrower) for pixels in tile.margins())
