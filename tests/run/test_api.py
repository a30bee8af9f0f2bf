"""``harness.evaluate`` in a notebook."""

from pathlib import Path

import pytest
import torch
from torch import nn

import harness
from harness.errors import ConfigError, DataError
from variants.errors import UnknownNameError, WeightsError


def test_a_variant_by_name(images: Path) -> None:
    table = harness.evaluate("bicubic", datasets={"photos": images}, scales=[2, 4])
    assert len(table) == 6
    assert list(table.columns) == [
        *("scale", "dataset", "protocol", "image", "hr_height", "hr_width"),
        *("psnr_y", "ssim_y", "network_seconds"),
    ]
    assert (table["psnr_y"] > 10).all()


def test_any_module_and_nearest_neighbours_lose(images: Path) -> None:
    nearest = nn.Upsample(scale_factor=2, mode="nearest")
    ours = harness.evaluate(nearest, datasets=[images], scales=[2])
    bicubic = harness.evaluate("bicubic", datasets=[images], scales=[2])
    assert ours["dataset"].unique() == ["photos"]
    assert ours["psnr_y"].mean() < bicubic["psnr_y"].mean()


def test_a_module_per_scale(images: Path) -> None:
    modules = {s: nn.Upsample(scale_factor=s, mode="nearest") for s in (2, 4)}
    table = harness.evaluate(modules, datasets=[images], scales=[2, 4], limit=1)
    assert list(table["scale"]) == [2, 4]


def test_the_embedded_images_are_the_default() -> None:
    table = harness.evaluate("bicubic", scales=[8], limit=2)
    assert list(table["dataset"]) == ["embedded", "embedded"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"model": "bicubik"}, UnknownNameError),
        ({"model": "ms-lapsrn-d5r8"}, WeightsError),
        ({"model": nn.Identity(), "scales": [2, 4]}, ConfigError),
        ({"model": {2: nn.Identity()}, "scales": [4]}, ConfigError),
        ({"model": nn.Identity(), "scales": [2]}, DataError),
        ({"model": "bicubic", "protocol": "y"}, UnknownNameError),
        ({"model": "bicubic", "datasets": [Path("nowhere")]}, DataError),
    ],
)
def test_bad_arguments_say_why(
    images: Path, arguments: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        harness.evaluate(**{"datasets": [images], "scales": [2], **arguments})  # type: ignore[arg-type]


def test_the_network_gets_luma_in_the_unit_interval(images: Path) -> None:
    seen: list[torch.Tensor] = []

    class Spy(nn.Module):
        def forward(self, y: torch.Tensor) -> torch.Tensor:
            seen.append(y)
            return y.repeat_interleave(2, -1).repeat_interleave(2, -2)

    harness.evaluate(Spy(), datasets=[images], scales=[2], limit=1)
    (y,) = seen
    assert y.shape == (1, 1, 20, 24)
    assert y.min() >= 15 / 255
    assert y.max() <= 236 / 255
