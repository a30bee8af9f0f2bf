"""Margins are computed only as far up the pyramid as they are needed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.backends import get_backend
from harness.upscale.engine import Upscaler
from harness.upscale.luma import NetworkLuma, luma_of
from harness.upscale.shrinking import ShrinkingPyramid
from harness.upscale.windows import reach_of, windows_of
from variants import create_model
from variants.backbones.base import Pyramid

FIFTY_MEGAPIXELS = (5792, 8688)


def windows(network: ShrinkingPyramid, upscaler: Upscaler) -> list[list[tuple[int, int]]]:
    """Of each tile of 50 megapixels, the height and width of each level's input."""
    network.to("meta")
    ascend = network.model.ascend
    seen: list[list[tuple[int, int]]] = []

    def spy(level: int, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        height, width = features.shape[-2:]
        seen[-1].append((height, width))
        return ascend(level, features)

    network.model.ascend = spy  # type: ignore[method-assign]
    known: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    found = []
    for tile in upscaler.plan(*FIFTY_MEGAPIXELS):
        network.margins = tile.margins()
        height = tile.rows.stop - tile.rows.start
        width = tile.columns.stop - tile.columns.start
        key = (height, width, *network.margins)
        if key not in known:
            seen.append([])
            output = network(torch.empty(1, 1, height, width, device="meta"))
            assert output.shape[2:] == (network.scale * tile.height, network.scale * tile.width)
            known[key] = seen[-1]
        found.append(known[key])
    return found


def over_whole(model: Pyramid, tiles: list[list[tuple[int, int]]]) -> float:
    """Multiplications of all tiles' levels over those of the 50 megapixels at once."""
    tiled = sum(model.level_macs(level, *size) for tile in tiles for level, size in enumerate(tile))
    height, width = FIFTY_MEGAPIXELS
    return tiled / sum(
        model.level_macs(level, height << level, width << level) for level in range(len(tiles[0]))
    )


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_tiles_cost_little_more_than_the_whole_and_fit_into_memory(scale: int) -> None:
    model = create_model("cms-lapsrn-conv3", scale)
    assert isinstance(model, Pyramid)
    luma = NetworkLuma(model, "cpu")
    tiles = windows(ShrinkingPyramid(model), Upscaler(luma))
    assert 1 < over_whole(model, tiles) < 1.19
    largest = max(4 * height * width for tile in tiles for height, width in tile)
    assert largest <= 1.01 * luma.largest_hr


def test_a_backend_that_takes_more_memory_gets_smaller_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = create_model("ms-lapsrn", 2)
    usual = NetworkLuma(model, "cpu").largest_hr
    hungry = replace(get_backend("eager"), memory=1.6)
    monkeypatch.setattr("harness.upscale.windows.get_backend", lambda name: hungry)
    assert NetworkLuma(model, "cpu").largest_hr == round(usual / 1.6)


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize(("backend", "dtype"), [("eager", "float32"), ("eager", "bfloat16")])
def test_what_margins_cost_is_known_beforehand(scale: int, backend: str, dtype: str) -> None:
    """As counted over the tiles of a picture; those at its borders have less of a margin."""
    model = create_model("cms-lapsrn-conv3", scale)
    assert isinstance(model, Pyramid)
    planned = windows_of(reach_of(model), backend, dtype).work()
    luma = NetworkLuma(model, "cpu", backend, dtype)
    tiles = windows(ShrinkingPyramid(model), Upscaler(luma))
    assert planned == pytest.approx(over_whole(model, tiles), rel=0.02)


def test_whole_windows_cost_more_where_levels_could_shrink() -> None:
    def work(scale: int, backend: str) -> float:
        return windows_of(reach_of(create_model("ms-lapsrn", scale)), backend, "float32").work()

    assert work(2, "compile") == work(2, "eager")
    assert 1.1 < work(4, "compile") / work(4, "eager") < 1.3
    assert work(8, "compile") / work(8, "eager") > 1.5
    assert work(8, "folded") == work(8, "eager")


@pytest.mark.parametrize(("name", "scale"), [("ms-lapsrn", 8), ("lapsrn", 4)])
def test_a_smaller_margin_changes_the_result(name: str, scale: int) -> None:
    torch.manual_seed(0)
    model = create_model(name, scale, width=4).eval()
    assert isinstance(model, Pyramid)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    y = torch.rand(1, 1, 60, 60)
    network = ShrinkingPyramid(model)
    with torch.inference_mode():
        whole = model(y)[..., 25 * scale : -25 * scale, 25 * scale : -25 * scale]
        network.margins = (25, 25, 25, 25)
        enough = float((network(y) - whole).abs().max() / whole.abs().max())
        network.needed = [max(0, radius - 4) for radius in network.needed]
        too_little = float((network(y) - whole).abs().max() / whole.abs().max())
    assert enough < 2e-4 < too_little


def test_other_backends_get_whole_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their margins are cut off afterwards."""
    model = create_model("ms-lapsrn", 2, width=4)
    monkeypatch.setattr("harness.upscale.luma.prepare", lambda model, *_, **__: model)
    y = np.random.default_rng(0).random((40, 50))
    margins = (13, 12, 14, 12)
    with torch.inference_mode():
        eager, other = (luma_of(model, "cpu", backend) for backend in ("eager", "compile"))
        assert other.hr_margin == 2 * 12
        np.testing.assert_allclose(eager(y, margins), other(y, margins), atol=1e-4)
        np.testing.assert_array_equal(other(y)[26:-24, 28:-24], other(y, margins))
