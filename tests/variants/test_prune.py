"""Pruned networks: the function of the whole one without some channels, under a name of its own."""

from pathlib import Path

import pytest
import torch

from harness.commands.prune import command as prune_command
from harness.errors import ConfigError
from harness.training.initial import initialise
from tests.commands.invoke import invoke
from variants import create_model
from variants.backbones.base import SRModel
from variants.build import build
from variants.catalog import Variant, get_variant, known_models
from variants.errors import VariantError, WeightsError
from variants.prune import prune
from variants.weights.belongs import read_claim
from variants.weights.files import load_weights, read_weights
from variants.weights.store import find_shipped

SPLIT = {"ms-lapsrn-grouped", "ms-lapsrn-dysample", "cms-lapsrn-conv3-fourier"}
"""Upsamplers for which fewer channels are another function than the others at zero."""

NETWORKS = [name for name in known_models() if get_variant(name).has_network]


def narrow(name: str, scale: int = 8, width: int = 8) -> tuple[Variant, SRModel]:
    """A small network whose biases are no zeros."""
    variant = get_variant(f"{name},width={width}]" if "[" in name else f"{name}[width={width}]")
    torch.manual_seed(0)
    model = build(variant, scale).eval()
    for parameter in model.parameters():
        if parameter.dim() < 2:
            torch.nn.init.normal_(parameter, std=0.1)
    return variant, model


@pytest.mark.parametrize("name", [*NETWORKS, "lapsrn[depth=3,upsampler=tied,conv=2"])
def test_a_pruned_network_is_the_whole_one_with_channels_at_zero(name: str) -> None:
    variant, model = narrow(name, scale=4, width=16 if name in SPLIT else 8)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    if name in SPLIT:
        with torch.no_grad():  # Else chance may keep as many of every group.
            model.get_parameter("conv_in.weight")[:8] *= 100
        with pytest.raises(VariantError, match="cannot be pruned"):
            prune(model, variant, 0.5)
        return
    pruned = prune(model, variant, 0.25)
    assert pruned.variant == get_variant(f"{name},width=6]" if "[" in name else f"{name}[width=6]")
    y = torch.rand(2, 1, 5, 8)
    with torch.inference_mode():
        torch.testing.assert_close(pruned.model(y), pruned.zeroed(y), atol=1e-5, rtol=1e-4)
        assert (pruned.model(y) - model(y)).abs().max() > 1e-4
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
        zeroed = pruned.zeroed.state_dict()[key]
        # What is not at zero is as it was, and some is.
        assert torch.equal(zeroed[zeroed != 0], value[zeroed != 0])
    gone = (pruned.zeroed.state_dict()["conv_in.weight"].flatten(1) == 0).all(1)
    assert int(gone.sum()) == 2


def test_the_strongest_channels_stay_and_those_inside_a_block_are_chosen_by_themselves() -> None:
    """Of cms-lapsrn-conv3 the second and third convolution's outputs are the trunk's channels."""
    variant, model = narrow("cms-lapsrn-conv3")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.1)
        model.get_parameter("conv_in.weight")[5] = 10  # A channel of the trunk.
        model.get_parameter("convs.0.weight")[2] = 10  # One between the first two convolutions.
    pruned = prune(model, variant, 7 / 8)
    kept = {
        name: (pruned.zeroed.get_parameter(f"{name}.bias") != 0).nonzero().flatten().tolist()
        for name in ("conv_in", "convs.0", "convs.1", "convs.2", "convs.3", "convs.4", "upsampler")
    }
    assert kept == {
        "conv_in": [5],
        "convs.0": [2],
        "convs.1": [5],
        "convs.2": [5],
        "convs.3": [0],
        "convs.4": [5],
        "upsampler": [5],
    }


def test_shared_weights_are_shared_still() -> None:
    variant, model = narrow("cms-lapsrn-conv3")
    pruned = prune(model, variant, 0.5).model
    assert "upsampler.weight" not in pruned.state_dict()
    assert sum(p.numel() for p in pruned.parameters()) == sum(
        p.numel() for p in create_model("cms-lapsrn-conv3[width=4]", 8).parameters()
    )


def test_pruning_twice_names_the_width_once() -> None:
    variant, model = narrow("ms-lapsrn[depth=2")
    once = prune(model, variant, 0.25)
    twice = prune(once.model, once.variant, 0.5)
    assert twice.variant.name == "ms-lapsrn[depth=2,width=3]"


@pytest.mark.parametrize("ratio", [0.0, 1.0, -0.1, 2.0, float("nan"), float("inf")])
def test_a_ratio_that_is_none_is_refused(ratio: float) -> None:
    variant, model = narrow("ms-lapsrn")
    with pytest.raises(VariantError, match="above 0 and below 1"):
        prune(model, variant, ratio)


@pytest.mark.parametrize(("ratio", "left"), [(0.01, "all"), (0.99, "none")])
def test_a_ratio_that_leaves_all_or_none_is_refused(ratio: float, left: str) -> None:
    variant, model = narrow("ms-lapsrn")
    with pytest.raises(VariantError, match=f"leaves {left} of 8 channels"):
        prune(model, variant, ratio)


def test_a_width_that_groups_cannot_have_is_refused() -> None:
    variant, model = narrow("ms-lapsrn-grouped")
    with pytest.raises(VariantError, match="groups must divide 7, the width"):
        prune(model, variant, 1 / 8)


def test_the_command_writes_weights_of_the_narrower_variant_to_train_further(
    tmp_path: Path,
) -> None:
    out = tmp_path / "w48.safetensors"
    result = invoke(prune_command, "cms-lapsrn-conv3", "--ratio", "0.25", "-o", out)
    assert "cms-lapsrn-conv3[width=48], 104,897 of 185,937 parameters" in result.output
    variant = get_variant("cms-lapsrn-conv3[width=48]")
    entry = find_shipped("cms-lapsrn-conv3", 8)
    assert entry is not None
    metadata = load_weights(model := build(variant, 4), out, variant, 4)
    assert metadata["origin"].startswith("pruned from cms-lapsrn-conv3 (SHA-256 ")
    assert entry.sha256[:8] in metadata["origin"]
    assert read_claim(metadata, "").architecture == variant.architecture(8)
    whole = create_model("cms-lapsrn-conv3", 4, pretrained=True)
    expected = prune(whole, get_variant("cms-lapsrn-conv3"), 0.25)
    y = torch.rand(1, 1, 6, 5)
    with torch.inference_mode():
        torch.testing.assert_close(model(y), expected.zeroed(y), atol=1e-5, rtol=1e-4)
    start = initialise(build(variant, 8), variant, 8, out)
    assert "pruned from cms-lapsrn-conv3" in start.note
    assert not start.warning
    first = out.read_bytes()
    invoke(prune_command, "cms-lapsrn-conv3", "--ratio", "0.25", "-o", out)
    assert out.read_bytes() == first


def test_bad_input_of_the_command_is_one_sentence(tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    cases: tuple[tuple[list[object], type[Exception], str], ...] = (
        (["bicubic"], ConfigError, "no network of the catalogs"),
        (["lapsrn"], ConfigError, "say which with --scale"),
        (["ms-lapsrn[depth=4]"], WeightsError, "no weights ship"),
        (["ms-lapsrn", "--weights", tmp_path / "absent.pth"], WeightsError, "absent"),
    )
    for arguments, error, said in cases:
        with pytest.raises(error, match=said) as caught:
            invoke(prune_command, *arguments, "--ratio", "0.5", "-o", out)
        assert "\n" not in str(caught.value)
    assert not out.exists()


def test_lapsrn_is_pruned_scale_by_scale(tmp_path: Path) -> None:
    out = tmp_path / "x2.safetensors"
    invoke(prune_command, "lapsrn", "--scale", "2", "--ratio", "0.5", "-o", out)
    tensors, metadata = read_weights(out)
    assert (metadata["variant"], metadata["scale"]) == ("lapsrn[width=32]", "2")
    assert tensors["levels.0.convs.9.weight"].shape == (32, 32, 3, 3)
