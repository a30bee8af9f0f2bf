import json
import shutil

import pytest
from click.testing import CliRunner

from harness.commands.ship import command
from harness.errors import DataError
from harness.report.curves import _of_manifest
from harness.training.ship import LOGS, ship
from harness.training.train import train
from variants.errors import WeightsError
from variants.weights.files import sha256_of
from variants.weights.store import MANIFEST, ShippedWeights


@pytest.fixture
def finished(tiny, tmp_path):
    runs = tmp_path / "runs"
    recipe = tiny(steps=2, validate_every=2)
    train("cms-lapsrn-conv3", recipe=recipe, out=runs / "a", device="cpu", progress=False)
    train("lapsrn", recipe=recipe, out=runs / "b", scale=2, device="cpu", progress=False)
    (runs / "unfinished").mkdir()
    return runs


def test_shipping_fills_the_manifest(finished, tmp_path):
    into = tmp_path / "weights"
    into.mkdir()
    assert ship(finished, into) == ["cms-lapsrn-conv3.safetensors", "lapsrn-x2.safetensors"]
    rows = json.loads((into / MANIFEST).read_text())["weights"]
    entries = [ShippedWeights(**row) for row in rows]
    assert [(e.variant, list(e.scales)) for e in entries] == [
        ("cms-lapsrn-conv3", [2, 4, 8]),
        ("lapsrn", [2]),
    ]
    for entry in entries:
        assert sha256_of(into / entry.file) == entry.sha256
        assert (into / LOGS / entry.file).with_suffix(".csv").is_file()
        facts = {
            "recipe",
            "init",
            "steps",
            "wall_time_s",
            "seed",
            "training_set",
            "git_commit",
            "validation",
            "software",
        }
        assert facts <= set(entry.training)


def test_shipping_again_replaces_and_keeps_the_others(finished, tmp_path):
    into = tmp_path / "weights"
    into.mkdir()
    ship(finished, into)
    ship(finished / "a", into)
    rows = json.loads((into / MANIFEST).read_text())["weights"]
    assert [row["variant"] for row in rows] == ["cms-lapsrn-conv3", "lapsrn"]


def test_a_further_stage_keeps_what_was_before(finished, tiny, tmp_path):
    into = tmp_path / "weights"
    into.mkdir()
    ship(finished, into)
    first = (into / LOGS / "cms-lapsrn-conv3.csv").read_text()
    recipe = tiny(steps=4, log_every=2, validate_every=2)
    train(
        "cms-lapsrn-conv3",
        recipe=recipe,
        init=finished / "a" / "cms-lapsrn-conv3.safetensors",
        out=tmp_path / "second" / "a",
        device="cpu",
        progress=False,
    )
    for _ in range(2):
        ship(tmp_path / "second", into)
        assert (into / LOGS / "cms-lapsrn-conv3-stage1.csv").read_text() == first
        assert (into / LOGS / "cms-lapsrn-conv3.csv").read_text() != first
    entry = json.loads((into / MANIFEST).read_text())["weights"][0]
    assert [stage["steps"] for stage in entry["training"]["earlier"]] == [2]
    assert entry["training"]["steps"] == 4
    curve = _of_manifest(entry)
    assert curve is not None
    assert [step for step, _ in curve.points[2]] == [2, 4, 6]


def test_the_command_says_what_was_shipped(finished, tmp_path):
    into = tmp_path / "weights"
    into.mkdir()
    outcome = CliRunner().invoke(command, [str(finished), "--into", str(into)])
    assert outcome.exit_code == 0, outcome.output
    assert "cms-lapsrn-conv3.safetensors: 2x " in outcome.stdout
    assert "lapsrn-x2.safetensors: 2x " in outcome.stdout
    assert (into / MANIFEST).is_file()


def test_nothing_finished_is_said(tmp_path):
    with pytest.raises(DataError, match="no finished training"):
        ship(tmp_path, tmp_path)
    with pytest.raises(DataError, match="no folder"):
        ship(tmp_path / "none", tmp_path)


def test_damaged_weights_do_not_ship(finished, tmp_path):
    weights = finished / "a" / "cms-lapsrn-conv3.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(WeightsError):
        ship(finished, tmp_path)
    assert not (tmp_path / MANIFEST).exists()
    shutil.rmtree(finished / "a")
    assert ship(finished, tmp_path) == ["lapsrn-x2.safetensors"]
