"""``harness.evaluate`` in a notebook."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from torch import nn

import harness
from harness.errors import ConfigError, DataError, HarnessError
from harness.jobs.quality.run import evaluate_images
from harness.metrics.protocol import get_protocol
from harness.networks.load import as_network
from tests.jobs.conftest import UNTRAINED
from variants.errors import UnknownNameError, VariantError, WeightsError


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
        ({"model": UNTRAINED}, WeightsError),
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


class Returning(nn.Module):
    """Whatever a function makes of a doubled image; has a mode to be given back."""

    def __init__(self, make: Callable[[torch.Tensor, torch.Tensor], object]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, dtype=torch.float64))
        self.make = make

    def forward(self, y: torch.Tensor) -> object:
        return self.make(y, y.repeat_interleave(2, -1).repeat_interleave(2, -2))


@pytest.mark.parametrize(
    "make",
    [
        lambda y, sr: [y, sr],
        lambda y, sr: (sr,),
        lambda y, sr: sr.float(),
        lambda y, sr: sr.clone().requires_grad_(),
    ],
    ids=["list", "tuple", "float32", "with gradient"],
)
def test_what_a_module_may_return(
    images: Path, make: Callable[[torch.Tensor, torch.Tensor], object]
) -> None:
    options = {"datasets": images, "scales": 2}
    table = harness.evaluate(Returning(make), **options)  # type: ignore[arg-type]
    expected = harness.evaluate(Returning(lambda y, sr: sr), **options)  # type: ignore[arg-type]
    assert list(table["psnr_y"]) == pytest.approx(list(expected["psnr_y"]), abs=1e-3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda y, sr: {"sr": sr}, "type dict; a tensor 1 x 1 x H x W"),
        (lambda y, sr: [], "type list"),
        (lambda y, sr: [y, None], "type NoneType"),
        (lambda y, sr: sr.numpy(), "type ndarray"),
        (lambda y, sr: sr.repeat(1, 3, 1, 1), "1 x 3 x 40 x 48 where one channel"),
        (lambda y, sr: sr[0, 0], "40 x 48 where one channel"),
        (lambda y, sr: sr.mean(), "a single number where one channel"),
        (lambda y, sr: sr.repeat(2, 1, 1, 1), "2 x 1 x 40 x 48 where"),
        (lambda y, sr: (255 * sr).byte(), "torch.uint8 where floating-point"),
        (lambda y, sr: sr.to(torch.complex64), "torch.complex64 where floating-point"),
        (lambda y, sr: sr.to_sparse(), "that is sparse"),
        (lambda y, sr: sr.to("meta"), "on the meta device"),
        (lambda y, sr: y, "24x20 pixels where 48x40"),
        (lambda y, sr: [sr, y], "24x20 pixels where 48x40"),
        (lambda y, sr: sr / 0, "no finite number in 1,920 of 1,920 pixels"),
        (lambda y, sr: sr * float("nan"), "no finite number"),
    ],
)
def test_outputs_that_are_no_image_are_one_sentence_that_names_the_image(
    images: Path, make: Callable[[torch.Tensor, torch.Tensor], object], words: str
) -> None:
    model = Returning(make)
    with pytest.raises(DataError) as caught:
        harness.evaluate(model, datasets=images, scales=2)
    assert words in str(caught.value)
    assert "image0.png: " in str(caught.value)
    assert model.training


def test_text_paths_and_single_values_are_taken(images: Path) -> None:
    expected = list(harness.evaluate("bicubic", datasets=[images], scales=[2])["psnr_y"])
    for datasets in (str(images), images, [str(images)], {"photos": str(images)}):
        for scales in (2, (2, 2), np.int64(2), {2}, range(2, 3)):
            table = harness.evaluate("bicubic", datasets, scales)  # type: ignore[arg-type]
            assert list(table["psnr_y"]) == expected
    few = harness.evaluate("bicubic", images, 2, limit=np.int64(1), data_root=str(images))  # type: ignore[arg-type]
    assert list(few["psnr_y"]) == expected[:1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scales": "2"}, "a scale is a whole number, not '2'"),
        ({"scales": ["2"]}, "a scale is a whole number, not '2'"),
        ({"scales": 2.0}, "a scale is a whole number, not 2.0"),
        ({"scales": True}, "a scale is a whole number, not True"),
        ({"scales": None}, "a scale is a whole number, not None"),
        ({"scales": []}, "scales is empty"),
        ({"scales": 1}, "a scale is a whole number from 2 to 64, not 1"),
        ({"scales": [2, -4]}, "a scale is a whole number from 2 to 64, not -4"),
        ({"model": "ms-lapsrn", "scales": 3}, "ms-lapsrn is not for 3x"),
        ({"datasets": []}, "datasets is empty"),
        ({"datasets": {}}, "datasets is empty"),
        ({"datasets": ""}, "a dataset's name or folder is empty"),
        ({"datasets": [3]}, "a dataset is a name or a folder, not 3"),
        ({"datasets": 3}, "datasets are names or folders, not 3"),
        ({"datasets": {"x": None}}, "a dataset is a name or a folder, not None"),
        ({"datasets": "nowhere/HR"}, "there is no folder nowhere/HR"),
        ({"datasets": "embeded"}, "Did you mean embedded?"),
        ({"datasets": ["embedded", "EMBEDDED"]}, "two datasets are called embedded"),
        ({"limit": 0}, "at least 1"),
        ({"limit": 1.5}, "limit is a whole number, not 1.5"),
        ({"limit": "3"}, "limit is a whole number, not '3'"),
        ({"protocol": None}, "protocol is a name"),
        ({"device": "gpu"}, "device 'gpu' cannot be used here"),
        ({"device": 5.0}, "device 5.0 cannot be used here"),
        ({"model": None}, "not NoneType"),
        ({"model": nn.Identity}, "not type"),
        ({"model": {2: "bicubic"}}, "not str"),
        ({"model": {}}, "no module for 2x"),
        ({"model": {4: nn.Identity(), "x": nn.Identity()}}, "the mapping has [4, 'x']"),
    ],
    ids=str,
)
def test_every_bad_argument_is_one_sentence(
    images: Path, arguments: dict[str, object], words: str
) -> None:
    with pytest.raises((HarnessError, VariantError)) as caught:
        harness.evaluate(**{"model": "bicubic", "datasets": images, "scales": 2, **arguments})  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_folders_of_one_name_are_no_mean_of_both(images: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "photos"
    shutil.copytree(images, other)
    with pytest.raises(ConfigError, match="two datasets are called photos and photos"):
        harness.evaluate("bicubic", [images, other], 2)
    table = harness.evaluate("bicubic", {"a": images, "b": other}, 2)
    assert list(table["dataset"].unique()) == ["a", "b"]


def test_files_left_out_are_said(images: Path) -> None:
    (images / "x.gif").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"photos: 3 of 4 files, left out: x\.gif"):
        harness.evaluate("bicubic", images, 2)


def test_the_mode_is_given_back_whatever_fails(images: Path) -> None:
    class Unmovable(nn.Module):
        def to(self, *_: object, **__: object) -> NoReturn:
            raise RuntimeError("no")

    model = Unmovable()
    with pytest.raises(RuntimeError, match="no"):
        harness.evaluate(model, images, 2)
    assert model.training
