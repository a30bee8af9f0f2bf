"""The page of the zoo says what is there, with figures that hold."""

import re
from pathlib import Path

import pytest

import variants
from harness.training.plan import load_plan
from variants.backbones.ms_lapsrn import MSLapSRN
from variants.catalog import IN_USE, get_variant, known_models, use_catalogs

PAGE = (Path(__file__).parents[2] / "docs" / "zoo.md").read_text("utf-8")
ROW = re.compile(
    r"^\| `([\w-]+)` \| `([\w-]+)` \| .+ \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \|$", re.M
)


def test_the_page_names_every_variant_of_the_zoo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IN_USE, "")
    use_catalogs(["zoo"])
    named = {row[0] for row in ROW.findall(PAGE)}
    assert named == {*known_models()[10:], "ms-lapsrn", "cms-lapsrn-conv3"}


@pytest.mark.parametrize("row", ROW.findall(PAGE), ids=lambda row: row[0])
def test_its_figures_hold(row: tuple[str, ...]) -> None:
    name, upsampler, params, own, gmacs = row
    model = variants.create_model(name, 4)
    assert isinstance(model, MSLapSRN)
    assert get_variant(name).upsampler == upsampler
    assert f"{sum(p.numel() for p in model.parameters()):,}" == params
    assert f"{sum(p.numel() for p in model.upsampler.parameters()):,}" == own
    assert f"{model.macs(180, 320) / 1e9:.2f}" == gmacs


def test_the_plan_trains_every_variant_alike() -> None:
    """Same trunk, same recipe, same steps, same seed."""
    plan = load_plan("zoo")
    trunk = plan.pop("trunk")
    assert trunk.init is None
    assert {entry.variant for entry in plan.values()} > set(known_models()[10:])
    assert len({(e.recipe, e.init, e.steps, e.seed, e.scale) for e in plan.values()}) == 1
    assert {entry.init for entry in plan.values()} == {"trunk"}
