"""``harness.evaluate`` in a notebook."""

from pathlib import Path

import pytest
import torch
from torch import nn

import harness
from harness.errors import ConfigError, DataError
from harness.jobs.quality.run import evaluate_images
from harness.metrics.protocol import get_protocol
from harness.networks.load import as_network
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


class Network(nn.Module):
    """Two convolutions; notes the layout of its features and its mode."""

    def __init__(self, reshape: str = "reshape") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)
        self.reshape = reshape
        self.layouts: list[bool] = []
        self.modes: set[bool] = set()

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        features = self.first(y)
        features = getattr(features, self.reshape)(-1).reshape(features.shape)
        features = self.second(features)
        self.layouts.append(features.is_contiguous(memory_format=torch.channels_last))
        self.modes.add(self.training)
        features = getattr(features, self.reshape)(-1).reshape(features.shape)
        return nn.functional.pixel_shuffle(features, 2)


def test_a_model_runs_channels_last_and_is_given_back_as_it_was(images: Path) -> None:
    model = Network()
    model.second.eval()

    def layout() -> dict[str, tuple[int, int, tuple[int, ...]]]:
        return {n: (id(p), p.data_ptr(), p.stride()) for n, p in model.named_parameters()}

    before = layout()
    values = {name: value.clone() for name, value in model.state_dict().items()}
    fast = harness.evaluate(model, datasets=[images], scales=[2])
    assert all(model.layouts)
    assert model.modes == {False}
    assert layout() == before
    assert all(torch.equal(value, values[name]) for name, value in model.state_dict().items())
    assert (model.training, model.first.training, model.second.training) == (True, True, False)
    plain = as_network(model.eval(), "cpu")
    rows = evaluate_images(plain, sorted(images.iterdir()), 2, get_protocol("matlab_y"))
    assert not model.layouts[-1]
    assert list(fast["psnr_y"]) == pytest.approx([row["psnr_y"] for row in rows], abs=1e-4)


def test_a_model_that_wants_its_features_contiguous_gets_them(images: Path) -> None:
    viewing, reshaping = Network("view"), Network()
    a, b = (harness.evaluate(m, datasets=[images], scales=[2]) for m in (viewing, reshaping))
    assert list(a["psnr_y"]) == pytest.approx(list(b["psnr_y"]), abs=1e-4)
    assert not viewing.layouts[-1]


def test_an_error_of_the_model_is_the_users_to_see(images: Path) -> None:
    class Broken(nn.Module):
        def forward(self, y: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        harness.evaluate(Broken(), datasets=[images], scales=[2])


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
