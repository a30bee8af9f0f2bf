"""Folded networks compute what they computed before, also at the borders."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import variants
from harness.commands.run import command as run_command
from harness.jobs.config import RunConfig
from harness.jobs.plan import make_plan
from harness.measure.cost import measure_cost
from tests.commands.invoke import invoke
from variants.catalog import get_variant, known_models
from variants.errors import VariantError
from variants.fold import fold

KERNELS = ("transposed", "tied", "tied-gain", "tied-mixture", "tied-lora", "inverse")
FOLDABLE = [
    name
    for name in known_models()
    if get_variant(name).backbone == "ms-lapsrn"
    and (get_variant(name).upsampler in (*KERNELS, "inverse-fourier"))
]


def network(name: str, scale: int, **options: Any) -> Any:
    torch.manual_seed(0)
    model = variants.create_model(name, scale, width=4, **options).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return model


@pytest.mark.parametrize("crop", ["last", "first"])
@pytest.mark.parametrize("name", FOLDABLE)
def test_a_folded_network_computes_the_same(name: str, crop: str) -> None:
    for scale in (2, 4):
        model = network(name, scale, crop=crop)
        folded = fold(model)
        for size in ((1, 1), (1, 4), (5, 2), (6, 7)):
            y = torch.rand(2, 1, *size).double()
            with torch.inference_mode():
                torch.testing.assert_close(folded(y), model(y), atol=1e-10, rtol=1e-9)
        assert folded.state_dict().keys() == model.state_dict().keys()


@pytest.mark.parametrize(
    "name", ["ms-lapsrn", "cms-lapsrn-conv3-inverse", "cms-lapsrn-conv3-fourier"]
)
def test_a_folded_network_costs_less_and_counters_agree(name: str) -> None:
    model: Any = variants.create_model(name, 4)
    before, after = (measure_cost(each, 12, 20) for each in (model, fold(model)))
    assert after["params"] == before["params"]
    pixels, edges = 24 * 40, 24 + 40
    saved = model.upsampler_at(1).macs(24, 40) + 36 * 64 * pixels
    added = 36 * 64 * pixels + 36 * pixels + 64 * (5 * edges + 1)
    assert before["macs"] - after["macs"] == saved - added
    differences = [counter["difference"] for counter in after["counters"][:3]]
    assert differences == [0, *[-sum(after.get("uncounted", {}).values())] * 2]
    assert sum(module["macs"] for module in after["modules"]) == after["macs"]


@pytest.mark.parametrize("name", ["lapsrn", "bicubic", "ms-lapsrn-carafe", "ms-lapsrn-shuffle"])
def test_what_cannot_be_folded_says_why(name: str) -> None:
    with pytest.raises(VariantError, match="fold"):
        fold(variants.create_model(name, 2))


def test_run_folds_as_a_row_of_its_own(tmp_path: Path) -> None:
    """Cost, quality and latency, beside the network as it is; what cannot be folded says so."""
    options = ("--scales", "2", "--datasets", "embedded", "--limit", "1", "--pictures", "Set5")
    done = invoke(
        run_command,
        *("--variants", "bicubic,cms-lapsrn-conv3,lapsrn", "--baseline", "cms-lapsrn-conv3"),
        *("--fold", "--only", "cost,quality", "--results", tmp_path, *options),
    )
    assert done.return_value == 0, done.output
    cost = pd.read_csv(tmp_path / "report" / "tables" / "cost.csv")
    text = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "only MS-LapSRN can be folded" in text
    named = list(cost.iloc[:, 0])
    assert named.count("CMS-LapSRN (3rd Conv)") == 1
    assert named.count("CMS-LapSRN (3rd Conv) [folded]") == 1
    quality = pd.read_csv(tmp_path / "quality.csv")
    folded, eager = (
        quality[(quality.variant == "cms-lapsrn-conv3") & (quality.backend == backend)]
        for backend in ("folded", "eager")
    )
    assert abs(float(folded.psnr_y.iloc[0]) - float(eager.psnr_y.iloc[0])) < 1e-4


def test_ids_of_other_jobs_stay() -> None:
    ids = [
        {job.id for job in make_plan(RunConfig(**CHOSEN, fold=fold)).jobs} for fold in (False, True)
    ]
    assert ids[0] < ids[1]


CHOSEN: dict[str, Any] = {
    "variants": ("ms-lapsrn",),
    "only": ("cost", "latency"),
    "device": "cpu",
}
