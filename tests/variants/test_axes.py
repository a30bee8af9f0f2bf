"""Variants with options in their names, and axes that expand to their product."""

from pathlib import Path

import pytest

import variants
from harness.errors import ConfigError
from harness.jobs.axes import check_builds
from harness.jobs.config import load_config
from harness.networks.weights import WeightsFile
from variants.axes import split_names
from variants.backbones.ms_lapsrn import MSLapSRN
from variants.catalog import get_variant, known_models
from variants.errors import VariantError


def test_options_change_the_network_and_nothing_else() -> None:
    model = variants.create_model("cms-lapsrn-conv3[width=32, depth=3]", 4)
    assert isinstance(model, MSLapSRN)
    # Input, three convolutions, the upsampler's own bias, output, image upsampler.
    expected = (9 + 1) * 32 + 3 * (9 * 32 * 32 + 32) + 32 + (9 * 32 + 1) + 16
    assert sum(p.numel() for p in model.parameters()) == expected
    assert model.recursions == 2


def test_equal_networks_have_equal_names() -> None:
    assert get_variant("ms-lapsrn[width=64,depth=5]") == get_variant("ms-lapsrn")
    a = get_variant("ms-lapsrn[width=32,depth=3]")
    b = get_variant(" ms-lapsrn[ depth=3 , width = 32,recursions=2]")
    assert a == b
    assert a.name == "ms-lapsrn[depth=3,width=32]"
    assert a.label == "MS-LapSRN, depth 3, width 32"
    assert a.paper_row is None
    assert get_variant(a.name) == a


def test_options_of_upsamplers_and_the_upsampler_itself() -> None:
    assert get_variant("cms-lapsrn-conv3[conv=2]").upsampler_options == {"conv": 2, "bias": "own"}
    other = get_variant("ms-lapsrn[upsampler=tied,conv=1]")
    assert (other.upsampler, other.upsampler_options) == ("tied", {"conv": 1})
    assert get_variant("lapsrn[depth=3]").options_at(2) == get_variant(
        "lapsrn[depth=3]"
    ).options_at(8)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ms-lapsrm[width=32]", "Did you mean ms-lapsrn"),
        ("ms-lapsrn[widht=32]", "unknown option of ms-lapsrn.*Did you mean width"),
        ("ms-lapsrn[width]", "'width' is not OPTION=VALUE"),
        ("ms-lapsrn[]", "options are given as"),
        ("ms-lapsrn[width=32", "options are given as"),
        ("ms-lapsrn[width=32]]", "options are given as"),
        ("[width=32]", "options are given as"),
        ("ms-lapsrn[width=32,width=16]", "width is given twice"),
        ("ms-lapsrn[width=wide]", "width must be a whole number, not 'wide'"),
        ("ms-lapsrn[width=3.5]", "width must be a whole number"),
        ("ms-lapsrn[width=yes]", "width takes one number or word"),
        ("ms-lapsrn[width=!!int x]", "width has no value that can be read"),
        ("lapsrn[depth=deep]", "depth must be a whole number"),
        ("bicubic[width=32]", "no network"),
    ],
)
def test_what_does_not_fit_is_one_sentence(name: str, why: str) -> None:
    with pytest.raises(VariantError, match=why):
        get_variant(name)


def test_names_in_lists_and_before_files(tmp_path: Path) -> None:
    assert split_names("a, b[width=32,depth=3],,c ") == ("a", "b[width=32,depth=3]", "c")
    file = WeightsFile.parse("ms-lapsrn[depth=3,width=32]@4=x=y.pth")
    assert (file.variant, file.scale, file.path) == (
        "ms-lapsrn[depth=3,width=32]",
        4,
        Path("x=y.pth"),
    )


@pytest.mark.parametrize("name", known_models())
def test_what_ships_can_be_built(name: str) -> None:
    check_builds(get_variant(name))


def test_axes_join_options_in_brackets() -> None:
    given = {"variants": "ms-lapsrn[width=32]", "axes": {"recursions": "1,2"}}
    narrow = "ms-lapsrn[width=32]"
    assert load_config(None, given).variants == ("ms-lapsrn[recursions=1,width=32]", narrow)


def test_axes_expand_to_the_product_where_they_apply() -> None:
    given = {
        "variants": "bicubic,ms-lapsrn,cms-lapsrn-conv3",
        "axes": {"width": [32, 64], "conv": 1},
    }
    assert load_config(None, given).variants == (
        "bicubic",
        "ms-lapsrn[width=32]",
        "ms-lapsrn",
        "cms-lapsrn-conv3[conv=1,width=32]",
        "cms-lapsrn-conv3[conv=1]",
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"variants": ("bicubic",), "axes": {"width": [32]}}, "unknown axis"),
        ({"variants": ("ms-lapsrn",), "axes": {"widht": [32]}}, "Did you mean width"),
        ({"axes": {"width": []}}, "width has no values"),
        ({"axes": {"width": [[32]]}}, "axes.width"),
        ({"axes": ["width"]}, "axes: "),
        (
            {"variants": ("ms-lapsrn[width=99999999]",)},
            r"\[width=99999999\] would have .* parameters",
        ),
        ({"variants": ("ms-lapsrn[width=0]",)}, "width must be at least 1"),
        ({"variants": ("cms-lapsrn-conv5[depth=3]",)}, r"cms-lapsrn-conv5\[depth=3\]: .*1 to 3"),
    ],
)
def test_impossible_axes_are_refused_before_anything_is_measured(
    given: dict[str, object], why: str
) -> None:
    with pytest.raises((ConfigError, VariantError), match=why):
        load_config(None, given)
