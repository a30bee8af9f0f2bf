"""`harness show`: cards from the manifest, module tables that add up."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from harness.commands.show import command
from harness.errors import ResultsError
from harness.jobs.store import ResultsFolder
from harness.measure.cost import count_params
from harness.networks.modules import list_modules
from harness.training.cards import render_card
from tests.report import synthetic
from variants import create_model, list_models
from variants.catalog import forget_variant
from variants.errors import UnknownNameError, VariantError
from variants.outside import register_network
from variants.weights.store import ShippedWeights

TRAINING: dict[str, Any] = {
    "recipe": "fast",
    "settings": {
        "optimizer": {"kind": "muon", "lr": 0.015},
        "schedule": {"kind": "cosine"},
        "batches": {"2": {"images": 12, "patch": 96}},
    },
    "init": "from scratch",
    "steps": 3000,
    "wall_time_s": 1234.5,
    "seed": 7,
    "training_set": "T91 + BSDS200",
    "training_images": 272,
    "validation_images": ["t16.png", "t3.png"],
    "validation": [
        {"step": 1500, "psnr_2x": 31.254, "psnr_4x": 27.5, "psnr_8x": 24.0},
        {"step": 3000, "psnr_2x": 32.0, "psnr_4x": 28.0, "psnr_8x": 24.4},
    ],
    "git_commit": "0123abc",
    "software": {"torch": "2.13.0", "device": "cpu"},
}


def ship(monkeypatch: pytest.MonkeyPatch, training: dict[str, Any]) -> ShippedWeights:
    digest = hashlib.sha256(b"weights").hexdigest()
    entry = ShippedWeights("ms-lapsrn", (2, 4, 8), "absent.safetensors", digest, training)
    monkeypatch.setattr("harness.training.cards.shipped_weights", lambda: (entry,))
    return entry


def test_the_card_says_what_the_manifest_says(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = ship(monkeypatch, TRAINING)
    card = render_card("ms-lapsrn")
    for part in (
        "# MS-LapSRN (`ms-lapsrn`)",
        "## Weights for 2x, 4x, 8x",
        entry.sha256,
        "T91 + BSDS200: 272 images, 2 more held out for validation",
        "fast; muon at a rate of 0.015; cosine schedule; 2x: 12 patches of 96 pixels",
        "| Start | from scratch |",
        "3,000 steps, 21 minutes, seed 7",
        "torch 2.13.0, device cpu",
        "commit 0123abc",
        "| Step | 2x | 4x | 8x |\n|---|---|---|---|\n| 1500 | 31.25 | 27.50 | 24.00 |",
        "| 3000 | 32.00 | 28.00 | 24.40 |",
        "BSDS200: Berkeley Segmentation Dataset",
        "T91: no licence stated",
        "## Intended use",
        "## Limits",
    ):
        assert part in card
    assert "\n\n\n" not in card


def test_a_sparse_manifest_makes_no_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    ship(monkeypatch, {})
    card = render_card("ms-lapsrn")
    assert card.count("not recorded") >= 5
    assert "Validation, mean PSNR" not in card


def test_without_weights_the_card_says_how_to_get_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.training.cards.shipped_weights", lambda: ())
    card = render_card("cms-lapsrn-conv3")
    assert "No weights of it ship" in card
    assert "harness train --variant cms-lapsrn-conv3" in card
    assert "Limits" not in card
    assert "needs none" in render_card("bicubic")


@pytest.mark.parametrize("name", list_models())
def test_every_variant_has_a_card(name: str) -> None:
    result = CliRunner().invoke(command, [name], catch_exceptions=False)
    assert result.exit_code == 0
    assert f"(`{name}`)" in result.output
    assert ("## Modules at 4x" in result.output) is (name != "bicubic")
    for line in result.output.splitlines():
        assert line == line.rstrip()


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("name", ["lapsrn", "ms-lapsrn", "cms-lapsrn-conv3"])
def test_modules_add_up(name: str, scale: int) -> None:
    model = create_model(name, scale)
    rows = list_modules(model, 6, 10)
    assert sum(row.params for row in rows) == count_params(model)
    assert sum(row.macs for row in rows) == model.macs(6, 10)
    assert len({row.name for row in rows}) == len(rows)


def test_a_tied_weight_counts_with_its_convolution() -> None:
    rows = {row.name: row for row in list_modules(create_model("cms-lapsrn-conv3", 2), 8, 8)}
    assert rows["upsampler"].params == 64
    assert rows["upsampler"].tensors == "bias 64"
    assert rows["upsampler"].macs == 9 * 64 * 64 * 8 * 8
    assert rows["convs.2"].params == 9 * 64 * 64 + 64


def test_nothing_is_computed() -> None:
    """A 720p forward pass at 8x would take seconds and gigabytes."""
    model = create_model("ms-lapsrn", 8)
    before = [parameter.clone() for parameter in model.parameters()]
    rows = list_modules(model, 90, 160)
    assert sum(row.macs for row in rows) == model.macs(90, 160)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_the_table_shows_the_totals_of_the_poster() -> None:
    output = CliRunner().invoke(command, ["ms-lapsrn", "--scale", "4"]).output
    assert re.search(r"\| all .* 222,801 \| 117\.4865 G \|", output)
    output = CliRunner().invoke(command, ["cms-lapsrn-conv5"]).output
    assert re.search(r"\| all .* 185,937 \| 117\.4865 G \|", output)


def test_a_network_from_outside_is_shown_at_a_scale_that_it_has() -> None:
    network = register_network(
        "three", lambda: nn.Sequential(nn.Conv2d(1, 9, 3, padding=1), nn.PixelShuffle(3))
    )
    try:
        output = CliRunner().invoke(command, [network.name], catch_exceptions=False).output
        assert "## Modules at 3x" in output
        assert "weight 9x1x3x3" in output
        with pytest.raises(VariantError, match="where 1 x 1 x 132 x 164 is due"):
            CliRunner().invoke(command, ["three", "--scale", "4"], catch_exceptions=False)
    finally:
        forget_variant(network.name)


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean ms-lapsrn"):
        CliRunner().invoke(command, ["ms-lapsrm"], catch_exceptions=False)


def test_the_template_ships_beside_the_code() -> None:
    import harness

    assert (Path(harness.__file__).parent / "training" / "card.md.j2").is_file()


def test_figures_are_those_of_the_very_file_that_ships(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    entry = ship(monkeypatch, TRAINING)
    folder = ResultsFolder(tmp_path)
    with folder.locked():
        for label, sha256, psnr in (("shipped", entry.sha256, 31.416), ("own", "0" * 64, 99.9)):
            spec = {
                "variant": {"name": "ms-lapsrn", "label": "MS-LapSRN"},
                "scale": 4,
                "weights": {"label": label, "sha256": sha256},
                "dataset": {"name": "Set5", "n_images": 5},
                "protocol": {"name": "matlab_y"},
                "dtype": "float32",
            }
            result = {"n_images": 5, "psnr_y": psnr, "ssim_y": 0.88127}
            folder.write(synthetic.record("quality", spec, result))
    card = render_card("ms-lapsrn", tmp_path)
    assert "| Set5 | 4x | 5 | matlab_y | 31.42 | 0.8813 |" in card
    assert "99.9" not in card
    assert "On test sets" not in render_card("ms-lapsrn")
    with pytest.raises(ResultsError, match="no results in"):
        CliRunner().invoke(
            command, ["ms-lapsrn", "--results", str(tmp_path / "none")], catch_exceptions=False
        )
