"""Networks from outside: what is found of them, how they run, what they cost."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from torch import Tensor, nn
from torch.nn import functional as F

import harness
from harness.errors import ConfigError, HarnessError
from harness.images.decode import read_image, write_image
from harness.images.imresize import imresize
from harness.measure.cost import measure_cost
from harness.networks.brought import BroughtNetwork, use_networks
from harness.networks.identity import network_identity
from harness.networks.weights import resolve_weights
from variants.adapter import OutsideModel, digest_of
from variants.catalog import forget_variant
from variants.errors import VariantError
from variants.outside import OutsideNetwork, register_network


class Nearest(nn.Module):
    """Nearest neighbour, exact, of any number of channels."""

    def __init__(self, scale: int = 2) -> None:
        super().__init__()
        self.factor = scale

    def forward(self, x: Tensor) -> Tensor:
        return x.repeat_interleave(self.factor, 2).repeat_interleave(self.factor, 3)


class Rgb3(nn.Module):
    """3x, RGB, of sizes that are multiples of 8."""

    colour = "rgb"
    multiple = 8

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 27, 3, padding=1)

    def forward(self, x: Tensor) -> list[Tensor]:
        assert x.shape[2] % 8 == x.shape[3] % 8 == 0
        return [x, F.pixel_shuffle(self.conv(x), 3)]


def luma(scale: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, scale**2, 3, padding=1), nn.PixelShuffle(scale))


class Halves(nn.Module):
    """Takes even sizes only, and does not say so."""

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(F.pixel_unshuffle(x, 2).repeat_interleave(4, 1), 4)


class Views(nn.Module):
    """Fails where features are laid out channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x)
        return F.pixel_shuffle(features.view(features.shape[0], -1).view_as(features), 2)


@pytest.fixture
def register() -> Iterator[Callable[..., Any]]:
    """``register_network``, undone afterwards."""
    names: list[str] = []

    def add(name: str, *arguments: Any, **options: Any) -> Any:
        network = register_network(name, *arguments, **options)
        names.append(name)
        return network

    yield add
    for name in names:
        forget_variant(name)


def test_what_is_not_declared_is_found(register: Callable[..., Any]) -> None:
    rgb, any_scale = register("rgb", Rgb3), register("any", luma)
    assert [scale for scale in range(2, 9) if rgb.serves(scale)] == [3]
    assert (rgb.facts(3).colour, rgb.facts(3).multiple) == ("rgb", 8)
    assert all(any_scale.serves(scale) for scale in (2, 3, 5))
    assert any_scale.facts(5).colour == "y"
    assert register("declared", Nearest, colour="rgb", scales=[4]).facts(4).colour == "rgb"
    assert register("views", Views).facts(2).channels_last is False
    assert any_scale.facts(2).channels_last is True


PROBLEMS: dict[str, tuple[Callable[..., Any], dict[str, Any], int, str]] = {
    "raises": (lambda: 1 // 0, {"scales": [2]}, 2, "cannot be built: ZeroDivisionError"),
    "makes no module": (lambda: 3, {"scales": [2]}, 2, "gave a value of type int"),
    "another scale": (Rgb3, {"scales": [2]}, 2, "where 1 x 3 x 80 x 96 is due"),
    "undeclared multiple": (Halves, {"scales": [2]}, 2, "declare what heights and widths must be"),
    "two channels": (
        lambda: nn.Conv2d(2, 2, 1),
        {"scales": [2]},
        2,
        "given luma, it fails for 41x33 pixels",
    ),
    "upscales nothing": (lambda: nn.Conv2d(1, 1, 1), {}, 2, "which is no whole multiple"),
}


@pytest.mark.parametrize(
    ("factory", "options", "scale", "words"), PROBLEMS.values(), ids=PROBLEMS.keys()
)
def test_a_network_that_cannot_be_used_is_one_sentence(
    register: Callable[..., Any],
    factory: Callable[..., Any],
    options: dict[str, Any],
    scale: int,
    words: str,
) -> None:
    network = register("mine", factory, **options)
    with pytest.raises(VariantError) as caught:
        network.serves(scale) and network.facts(scale)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("ms-lapsrn", {}, "is there already"),
        ("a b", {}, "a name is text without blanks"),
        ("mine", {"colour": "grey"}, "colour is y or rgb, not 'grey'"),
        ("mine", {"multiple": 0}, "multiple is a whole number of pixels from 1, not 0"),
        ("mine", {"scales": [1]}, "a scale is a whole number from 2 to 64, not 1"),
        ("mine", {"scales": ["4"]}, "not '4'"),
    ],
)
def test_an_impossible_option_is_one_sentence(
    name: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(VariantError) as caught:
        register_network(name, luma, **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (20, 17), (3, 5), (1, 1)])
def test_padding_is_by_reflection_and_is_cropped(height: int, width: int) -> None:
    x = torch.rand(2, 3, height, width)
    seen: list[Tensor] = []

    class Watched(Nearest):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return super().forward(x)

    out = OutsideModel(Watched(3), 3, 3, multiple=8, minimum=10, square=True)(x)
    assert torch.equal(out, Nearest(3)(x))
    side = 24 if width > 16 else 16
    assert seen[0].shape == (2, 3, side, side)
    if height == 20:
        assert torch.equal(seen[0][:, :, 20, :17], x[:, :, 18])


def photo(folder: Path, *, grey: bool = False) -> Path:
    """A folder with one picture of noise over a gradient."""
    folder.mkdir()
    ramp = np.linspace(30, 220, 42)[:, None, None] + np.zeros((42, 63, 3))
    pixels = np.random.default_rng(0).normal(ramp, 10).clip(0, 255).astype(np.uint8)
    write_image(folder / "a.png", pixels[..., 0] if grey else pixels)
    return folder


def test_rgb_figures_are_those_of_the_definition(tmp_path: Path) -> None:
    """By a path of its own: nearest neighbour on an LR image, luma by scikit-image."""
    folder = photo(tmp_path / "photos")
    hr = read_image(folder / "a.png")
    table = harness.evaluate(Nearest(3), folder, 3, "python_rgb", colour="rgb", multiple=4)
    lr = np.rint(np.clip(imresize(hr / 255.0, 1 / 3), 0, 1) * 255)
    sr = lr.repeat(3, 0).repeat(3, 1)[3:-3, 3:-3]
    inner = hr[3:-3, 3:-3]
    mse = np.mean((sr - inner) ** 2)
    assert table["psnr_rgb"][0] == pytest.approx(10 * np.log10(255**2 / mse), abs=1e-9)
    luma_of = [rgb2ycbcr(each.astype(np.uint8))[..., 0] for each in (sr, inner)]
    mse_y = np.mean((luma_of[0] - luma_of[1]) ** 2)
    assert table["psnr_y"][0] == pytest.approx(10 * np.log10(255**2 / mse_y), abs=1e-4)
    assert 0 < table["ssim_rgb"][0] < 1
    assert "psnr_rgb" not in harness.evaluate(Nearest(3), folder, 3)


def test_a_grey_image_stays_grey(tmp_path: Path) -> None:
    folder = photo(tmp_path / "photos", grey=True)
    grey = harness.evaluate(Nearest(3), folder, 3)
    rgb = harness.evaluate(Nearest(3), folder, 3, colour="rgb")
    assert rgb["psnr_y"][0] == pytest.approx(grey["psnr_y"][0], abs=1e-9)


class Mixed(nn.Module):
    """A convolution, a linear layer, attention, and what no counter counts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.norm = nn.LayerNorm(8)
        self.linear = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x)
        h, w = features.shape[2:]
        tokens = self.norm(features.flatten(2).transpose(1, 2))
        tokens = F.scaled_dot_product_attention(tokens, tokens, tokens)
        return F.pixel_shuffle(self.linear(tokens).transpose(1, 2).reshape(-1, 4, h, w), 2)


def test_macs_are_counted_and_what_is_not_is_named() -> None:
    h, w = 6, 10
    cost = measure_cost(OutsideModel(Mixed(), 2, 1).eval(), h, w)
    n = h * w
    assert cost["macs"] == 9 * 8 * n + 2 * 8 * n * n + 8 * 4 * n
    assert sum(module["macs"] for module in cost["modules"]) == cost["macs"]
    assert cost["params"] == (9 + 1) * 8 + 2 * 8 + (8 + 1) * 4
    assert "native_layer_norm" in cost["uncounted_operators"]
    assert "upsampler_params" not in cost
    closed, *others = cost["counters"]
    assert (closed["name"], closed["macs"]) == ("closed_form", None)
    counted = {c["name"]: c["macs"] for c in others}
    assert counted["flop_counter"] == cost["macs"]


@torch.library.custom_op("harness_tests::twice", mutates_args=())
def twice(x: Tensor) -> Tensor:
    return x.clone() * 2


class Custom(nn.Module):
    """An operator that shapes cannot flow through."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = twice(F.pixel_shuffle(self.conv(x), 2))
        return out


def test_an_operator_of_others_is_named_and_the_rest_is_counted() -> None:
    cost = measure_cost(OutsideModel(Custom(), 2, 1).eval(), 8, 8)
    assert cost["uncounted_operators"] == {"harness_tests::twice": 1}
    assert cost["macs"] == 9 * 4 * 64


class Inference(Mixed):
    """In inference mode operators are dispatched as they are called."""

    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


def test_inference_mode_hides_nothing() -> None:
    plain, other = (
        measure_cost(OutsideModel(m, 2, 1).eval(), 6, 10) for m in (Mixed(), Inference())
    )
    for figure in ("macs", "activations", "uncounted_operators"):
        assert plain[figure] == other[figure]


class Merges(nn.Module):
    """Writes into a weight when it runs, as reparameterised networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.merged = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        self.merged.weight.data = 2 * self.conv.weight.data
        return F.pixel_shuffle(self.merged(x), 2)


def test_weights_are_those_before_it_runs(register: Callable[..., Any]) -> None:
    network = register("merges", Merges)
    assert network.facts(2).weights == digest_of(network.build(2).network)[1]


def test_identity_follows_structure_weights_and_file(register: Callable[..., Any]) -> None:
    def spec(network: OutsideNetwork) -> dict[str, Any]:
        (weights,) = resolve_weights(network, 2, [])
        return network_identity(network, 2, weights)

    def other(scale: int) -> nn.Module:
        torch.manual_seed(1)
        return luma(scale)

    other.__name__ = "luma"
    a, b = spec(register("a", luma, label="x")), spec(register("b", other, label="x"))
    assert a["weights"]["label"] == b["weights"]["label"] == "own"
    assert a["weights"]["sha256"] != b["weights"]["sha256"]
    assert a["variant"]["architecture"] == b["variant"]["architecture"]
    assert a["variant"]["plugins"] == b["variant"]["plugins"]
    c = spec(register("c", luma, content="0" * 64))
    assert c["variant"]["plugins"] == {"network": "0" * 64}
    assert register("d", lambda: nn.Upsample(scale_factor=2)).contents()


class FakeDescriptor:
    """As spandrel documents ``ImageModelDescriptor``."""

    def __init__(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.scale = 3
        self.input_channels, self.output_channels = state["channels"]
        self.size_requirements = SimpleNamespace(minimum=0, multiple_of=8, square=False)
        self.architecture = SimpleNamespace(name="FAKE")
        self.model = Rgb3()
        self.model.conv.load_state_dict(state["conv"])

    @torch.inference_mode()
    def __call__(self, image: Tensor) -> Tensor:
        """Spandrel calls some networks in ways of their own, and clips."""
        return self.model(1 - image)[-1].clamp_(0, 1)


@pytest.fixture
def spandrel(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A stand-in with spandrel's documented interface."""
    module = ModuleType("spandrel")

    class ModelLoader:
        def __init__(self, device: str) -> None:
            assert device == "cpu"

        def load_from_file(self, path: Path) -> FakeDescriptor:
            return FakeDescriptor(path)

    vars(module).update(ModelLoader=ModelLoader, ImageModelDescriptor=FakeDescriptor)
    monkeypatch.setitem(sys.modules, "spandrel", module)
    return module


def weights_file(path: Path, channels: tuple[int, int] = (3, 3)) -> Path:
    state = nn.Conv2d(3, 27, 3, padding=1).state_dict()
    torch.save({"channels": channels, "conv": state}, path)
    return path


def test_a_file_that_spandrel_recognises_is_a_network(
    spandrel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = weights_file(tmp_path / "fake.pth")
    monkeypatch.setattr("harness.networks.brought._BROUGHT", {})
    monkeypatch.setattr("harness.system.plugins.ALSO", {})
    use_networks({"fake": BroughtNetwork.model_validate(str(path))})
    try:
        from variants.catalog import get_variant

        network = get_variant("fake")
        assert isinstance(network, OutsideNetwork)
        assert network.serves(3)
        assert not network.serves(2)
        architecture = network.architecture(3)
        assert (architecture["network"], architecture["multiple"]) == ("FAKE", 8)
        table = harness.evaluate("fake", photo(tmp_path / "photos"), 3)
        assert np.isfinite(table["psnr_y"][0])
        image = torch.rand(1, 3, 9, 16)
        with torch.inference_mode():
            padded = 1 - F.pad(image, (0, 0, 0, 7), mode="reflect")
            expected = FakeDescriptor(path).model(padded)[-1][:, :, :27].clamp(0, 1)
            assert torch.equal(network.build(3)(image), expected)
        cost = measure_cost(network.build(3), 8, 16)
        assert cost["macs"] == 9 * 3 * 27 * 8 * 16
        assert {c["name"]: c["macs"] for c in cost["counters"]}["flop_counter"] == cost["macs"]
        torch.save({}, path)
        with pytest.raises((HarnessError, VariantError), match="changed while"):
            network.factory()
    finally:
        forget_variant("fake")


def test_a_file_that_is_none_is_one_sentence(spandrel: ModuleType, tmp_path: Path) -> None:
    from harness.networks.spandrel import recognise

    with pytest.raises(ConfigError, match="FAKE for 3x, 3 channels to 4"):
        recognise(weights_file(tmp_path / "four.pth", (3, 4)))
    (tmp_path / "bad.pth").write_bytes(b"none")
    with pytest.raises(ConfigError, match=r"spandrel cannot read .*bad\.pth"):
        recognise(tmp_path / "bad.pth")
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere\.pth: No such file"):
        recognise(tmp_path / "nowhere.pth")


def test_without_spandrel_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.networks.spandrel import recognise

    path = weights_file(tmp_path / "fake.pth")
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(ConfigError, match=r"cms-lapsrn-harness\[spandrel\]"):
        recognise(path)

    def fails(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr("harness.networks.spandrel.import_module", fails)
    with pytest.raises(ConfigError, match=r"nms does not exist\); it needs torchvision"):
        recognise(path)
