"""What holds for every registered upsampler and every named variant; newcomers are covered."""

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import pytest
import torch

import variants
from variants.backbones.base import Pyramid
from variants.backbones.lapsrn import LapSRN
from variants.backbones.ms_lapsrn import MSLapSRN
from variants.errors import UnknownNameError, VariantError
from variants.kernels import fast_kernels
from variants.registry import register_upsampler
from variants.upsamplers.base import CROPS, Upsampler
from variants.upsamplers.transposed import KernelUpsampler

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "tied": [
        {"conv": 2, "bias": bias, "kernel": kernel}
        for bias in ("own", "shared", "none")
        for kernel in ("adjoint", "flipped", "transposed", "turned")
    ],
    "tied-gain": [{"conv": 1}],
    "tied-lora": [{"conv": 2, "levels": 2}],
    "inverse": [{"conv": 3, "steps": 2}, {}],
    "inverse-fourier": [{"conv": 2}],
    "resize-conv": [{}, {"mode": "bilinear"}],
    "resize-shared": [{"conv": 3}],
    "shuffle-shared": [{"conv": 2}, {"conv": 3, "phases": "convs"}],
    "grouped": [{}, {"groups": 2}],
    "dysample": [{}, {"groups": 1}],
}
"""Options to try beside the defaults."""


def lent(name: str) -> dict[str, Any]:
    """A convolution for an upsampler that needs one, and is not above."""
    conv = inspect.signature(variants.get_upsampler(name)).parameters.get("conv")
    return {"conv": 2} if conv is not None and conv.default is conv.empty else {}


EVERY = [
    pytest.param(name, options, id="-".join([name, *map(str, options.values())]))
    for name in variants.list_upsamplers()
    for options in OPTIONS.get(name, [lent(name)])
]
every = pytest.mark.parametrize(("name", "options"), EVERY)


def make(
    name: str,
    options: Mapping[str, Any] | None = None,
    channels: int = 4,
    n_convs: int = 3,
    crop: str = "last",
) -> Upsampler:
    """With weights that are nowhere zero, as after a training."""
    torch.manual_seed(0)
    upsampler = variants.get_upsampler(name)(
        channels, n_convs=n_convs, crop=crop, **(options or {})
    )
    with torch.no_grad():
        for parameter in upsampler.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return upsampler


def make_convs(channels: int = 4, n: int = 3) -> list[torch.nn.Conv2d]:
    return [torch.nn.Conv2d(channels, channels, 3, padding=1) for _ in range(n)]


def touched(weight: torch.Tensor) -> bool:
    return weight.grad is not None and bool(weight.grad.abs().sum() > 0)


@pytest.mark.parametrize("crop", CROPS)
@every
def test_upsampler_doubles_any_size(name: str, options: dict[str, Any], crop: str) -> None:
    upsampler, convs = make(name, options, crop=crop), make_convs()
    for size in ((1, 1), (1, 5), (6, 3)):
        features = torch.rand(2, 4, *size)
        output = upsampler(features, convs)
        assert output.shape == (2, 4, 2 * size[0], 2 * size[1])
        assert output.isfinite().all()
        assert torch.equal(output, upsampler(features, convs)), "deterministic"
        # Of a batch every image by itself.
        torch.testing.assert_close(upsampler(features[1:], convs), output[1:])


@every
def test_every_parameter_is_trained_and_who_lends_is_declared(
    name: str, options: dict[str, Any]
) -> None:
    upsampler, convs = make(name, options), make_convs()
    features = torch.rand(1, 4, 3, 3)
    levels = range(options.get("levels", 1))
    total = sum(upsampler.at_level(n, features, convs).square().sum() for n in levels)
    if not list(upsampler.parameters()) and not upsampler.shares:
        assert not torch.as_tensor(total).requires_grad
        return
    torch.as_tensor(total).backward()
    for key, parameter in upsampler.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key
    lent = [n for n, conv in enumerate(convs, 1) if touched(conv.weight)]
    assert lent == sorted(set(upsampler.shares))


@every
def test_a_shared_convolution_learns_from_both_uses(name: str, options: dict[str, Any]) -> None:
    """The gradient in a network is the sum of that as a convolution and that as an upsampler."""
    upsampler, convs = make(name, options), make_convs()
    if not upsampler.shares:
        return
    features = torch.rand(1, 4, 4, 3)
    weights = [conv.weight for conv in convs]

    def loss(embedding: list[torch.nn.Conv2d], lending: list[torch.nn.Conv2d]) -> torch.Tensor:
        hidden = features
        for conv in embedding:
            hidden = conv(hidden)
        result: torch.Tensor = upsampler(hidden, lending).square().sum()
        return result

    def copies() -> list[torch.nn.Conv2d]:
        return [copy.deepcopy(conv) for conv in convs]

    both = torch.autograd.grad(loss(convs, convs), weights)
    alone, lending = copies(), copies()
    parts = torch.autograd.grad(
        loss(alone, lending),
        [conv.weight for conv in (*alone, *lending)],
        allow_unused=True,
        materialize_grads=True,
    )
    for n, whole in enumerate(both):
        torch.testing.assert_close(whole, parts[n] + parts[len(convs) + n])
        assert (parts[len(convs) + n].abs().sum() > 0) == (n + 1 in upsampler.shares)


@every
def test_upsampler_macs_match_torch_but_for_what_it_declares(
    name: str, options: dict[str, Any]
) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    upsampler, convs = make(name, options), make_convs()
    for size in ((5, 7), (1, 1)):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            upsampler(torch.rand(1, 4, *size), convs)
        declared = upsampler.uncounted(*size)
        assert all(isinstance(macs, int) and macs > 0 for macs in declared.values())
        assert upsampler.macs(*size) - sum(declared.values()) == counter.get_total_flops() // 2


@every
def test_half_precision_stays_near(name: str, options: dict[str, Any]) -> None:
    upsampler, convs = make(name, options), make_convs()
    features = torch.rand(1, 4, 5, 4)
    expected = upsampler(features, convs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = upsampler(features.bfloat16(), convs)
    assert (found.float() - expected).abs().max() < 0.05 * expected.abs().max() + 0.02


@every
def test_the_fast_way_computes_the_same(name: str, options: dict[str, Any]) -> None:
    upsampler, convs = make(name, options), make_convs()
    plain = torch.rand(2, 4, 5, 4)
    features = plain.contiguous(memory_format=torch.channels_last)
    expected = upsampler(plain, convs)
    with fast_kernels():
        # With gradients, as a training has it, and without.
        torch.testing.assert_close(upsampler(features, convs), expected)
        with torch.inference_mode():
            torch.testing.assert_close(upsampler(features, convs), expected)


@every
def test_baked_computes_the_same_with_weights_of_its_own(
    name: str, options: dict[str, Any]
) -> None:
    upsampler, convs = make(name, options), make_convs()
    features = torch.rand(1, 4, 3, 5)
    baked = upsampler.baked(convs)
    for level in range(options.get("levels", 1)):
        expected = upsampler.at_level(level, features, convs)
        torch.testing.assert_close(baked.at_level(level, features, convs), expected)
    if isinstance(upsampler, KernelUpsampler):
        assert not baked.shares
        assert baked.macs(3, 5) == 9 * 4 * 4 * 3 * 5
        owners = {id(p) for p in (*upsampler.parameters(), *(c.weight for c in convs))}
        assert not owners & {id(p) for p in baked.parameters()}


@pytest.mark.parametrize("name", variants.list_upsamplers())
def test_upsampler_is_documented(name: str) -> None:
    cls = variants.get_upsampler(name)
    text = inspect.cleandoc(cls.__doc__ or "")
    assert "x C x 2H x 2W" in text
    assert "Source: " in text
    module = inspect.getmodule(cls)
    assert module is not None
    assert module.__doc__
    assert module.__name__ == f"variants.upsamplers.{name.replace('-', '_')}", "one file, its name"


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("name", variants.list_models())
def test_variant_upscales_any_size(name: str, scale: int) -> None:
    model = variants.create_model(name, scale)
    for size in ((1, 1), (3, 2)):
        levels = model.forward_levels(torch.rand(1, 1, *size))
        assert [tuple(x.shape[2:]) for x in levels] == [
            (size[0] << n, size[1] << n) for n in range(1, scale.bit_length())
        ]
        assert torch.equal(model(torch.zeros(1, 1, *size)), model(torch.zeros(1, 1, *size)))
    assert not model.training


@pytest.mark.parametrize("name", variants.list_models())
def test_variant_survives_a_copy_and_a_round_trip(name: str) -> None:
    model = variants.create_model(name, 2)
    twin = variants.create_model(name, 2)
    twin.load_state_dict(model.state_dict())
    y = torch.rand(1, 1, 4, 4)
    assert torch.equal(model(y), twin(y))
    assert torch.equal(model(y), copy.deepcopy(model)(y))


PARAMS = {
    ("ms-lapsrn", 4): 222_801,
    ("ms-lapsrn-d5r5", 4): 222_801,
    ("ms-lapsrn-d5r8", 8): 222_801,
    ("cms-lapsrn-conv1", 2): 185_937,
    ("cms-lapsrn-conv3", 4): 185_937,
    ("cms-lapsrn-conv5", 8): 185_937,
    ("lapsrn", 2): 407_441,
    ("lapsrn", 4): 814_242,
    ("lapsrn", 8): 667_123,
    ("bicubic", 4): 0,
}


@pytest.mark.parametrize(("name", "scale"), PARAMS)
def test_parameters(name: str, scale: int) -> None:
    model = variants.create_model(name, scale)
    assert sum(p.numel() for p in model.parameters()) == PARAMS[name, scale]


def test_tied_bias_modes_differ_in_parameters() -> None:
    def count(bias: str) -> int:
        model = variants.create_model("cms-lapsrn-conv3", 4, bias=bias)
        return sum(p.numel() for p in model.parameters())

    assert count("own") == 185_937
    assert count("shared") == count("none") == 185_873


def test_shared_bias_is_the_convolutions() -> None:
    shared = variants.create_model("cms-lapsrn-conv3", 2, bias="shared", width=4)
    own = variants.create_model("cms-lapsrn-conv3", 2, bias="own", width=4)
    assert isinstance(shared, MSLapSRN)
    assert isinstance(own, MSLapSRN)
    with torch.no_grad():
        shared.convs[2].bias.normal_()  # type: ignore[operator]
    state = dict(shared.state_dict())
    state["upsampler.bias"] = state["convs.2.bias"]
    own.load_state_dict(state)
    y = torch.rand(1, 1, 5, 4)
    assert torch.equal(shared(y), own(y))


def test_recursions_reuse_one_block() -> None:
    shallow = variants.create_model("ms-lapsrn", 2, width=4)
    deep = variants.create_model("ms-lapsrn-d5r5", 2, width=4)
    deep.load_state_dict(shallow.state_dict())
    y = torch.rand(1, 1, 4, 4)
    assert not torch.allclose(shallow(y), deep(y))


def test_one_ms_network_serves_all_scales() -> None:
    eight = variants.create_model("ms-lapsrn", 8, width=4)
    two = variants.create_model("ms-lapsrn", 2, width=4)
    two.load_state_dict(eight.state_dict())
    y = torch.rand(1, 1, 4, 4)
    assert torch.equal(eight.forward_levels(y, 2)[-1], two(y))
    assert torch.equal(eight.forward_levels(y)[0], two(y))


def test_crop_changes_the_function_and_only_by_a_shift() -> None:
    torch.manual_seed(0)
    last, first = make("transposed", crop="last"), make("transposed", crop="first")
    first.load_state_dict(last.state_dict())
    x = torch.rand(1, 4, 5, 6)
    a, b = last(x, []), first(x, [])
    assert not torch.allclose(a, b)
    torch.testing.assert_close(a[..., 1:, 1:], b[..., :-1, :-1])


def test_image_branch_starts_as_bilinear() -> None:
    model = variants.create_model("ms-lapsrn", 2, width=4)
    assert isinstance(model, Pyramid)
    y = torch.rand(1, 1, 6, 6)
    ours = model.image_up(0)(y)
    theirs = torch.nn.functional.interpolate(y, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(ours[..., 2:-2, 2:-2], theirs[..., 2:-2, 2:-2])


@pytest.mark.parametrize(
    ("name", "scale", "overrides", "words"),
    [
        ("ms-lapsrm", 4, {}, "Did you mean ms-lapsrn"),
        ("ms-lapsrn", 3, {}, "2, 4 or 8"),
        ("ms-lapsrn", 4, {"conv": 1}, "unknown option of ms-lapsrn"),
        ("ms-lapsrn", 4, {"crop": "middle"}, "crop must be"),
        ("ms-lapsrn", 4, {"width": 0}, "width"),
        ("ms-lapsrn", 4, {"recursions": 0}, "recursions"),
        ("lapsrn", 4, {"depth": 0}, "depth"),
        ("cms-lapsrn-conv3", 4, {"conv": 6}, "1 to 5"),
        ("cms-lapsrn-conv3", 4, {"bias": "borrowed"}, "bias must be"),
        ("cms-lapsrn-conv3", 4, {"upsampler": "tide"}, "tied"),
        ("bicubic", 4, {"width": 3}, "no network"),
    ],
)
def test_impossible_requests_say_why(
    name: str, scale: int, overrides: dict[str, Any], words: str
) -> None:
    with pytest.raises(VariantError, match=words):
        variants.create_model(name, scale, **overrides)


def test_registering_a_taken_name_changes_nothing() -> None:
    before = variants.get_upsampler("tied")
    with pytest.raises(VariantError, match="already registered"):
        register_upsampler("tied")(before)
    assert variants.get_upsampler("tied") is before


def test_registering_needs_a_documented_upsampler() -> None:
    class Undocumented(variants.get_upsampler("tied")):  # type: ignore[misc]
        pass

    with pytest.raises(VariantError, match="docstring"):
        register_upsampler("undocumented")(Undocumented)
    with pytest.raises(UnknownNameError):
        variants.get_upsampler("undocumented")


def test_tied_fits_lapsrn_too() -> None:
    model = variants.create_model("lapsrn", 2, upsampler="tied", conv=1, width=4)
    assert isinstance(model, LapSRN)
    assert "levels.0.upsampler.weight" not in model.state_dict()
    assert model(torch.rand(1, 1, 3, 3)).shape == (1, 1, 6, 6)


def test_a_message_repeats_a_long_name_in_part() -> None:
    with pytest.raises(UnknownNameError) as caught:
        variants.get_variant("x" * 20_000)
    assert len(str(caught.value)) < 500
