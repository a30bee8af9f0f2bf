import json
import math
import shutil

import pytest
import torch

from harness.errors import ConfigError, DataError
from harness.networks.weights import TRAINING_FILE
from harness.system.files import sha256_of
from harness.training.checkpoint import NAME
from harness.training.engine import wants_bf16
from harness.training.images import list_images, split_images
from harness.training.log import read_log
from harness.training.loop import DivergedError
from harness.training.recipe import Data, load_recipe
from harness.training.train import train
from variants import create_model
from variants.catalog import get_variant
from variants.errors import UnknownNameError, VariantError
from variants.weights.files import load_weights, read_weights
from variants.weights.store import find_shipped


def trained(variant, recipe, out, **more):
    return train(variant, recipe=recipe, out=out, device="cpu", progress=False, **more).networks


def test_training_leaves_weights_log_and_summary(tiny, tmp_path):
    (network,) = trained("cms-lapsrn-conv3", tiny(), tmp_path / "out")
    model = create_model("cms-lapsrn-conv3", 8)
    metadata = load_weights(model, network.weights, get_variant("cms-lapsrn-conv3"), 8)
    assert "trained by this project" in metadata["origin"]
    assert network.scales == (2, 4, 8)
    assert [row["step"] for row in read_log(network.log)] == ["2", "4", "6"]
    summary = json.loads((tmp_path / "out" / TRAINING_FILE).read_text())
    assert summary["steps"] == 6
    assert summary["init"] == "from scratch"
    assert summary["training_images"] == 8
    assert len(summary["validation_images"]) == 2
    (point,) = summary["validation"]
    assert point["step"] == 6
    assert all(0 < point[f"psnr_{scale}x"] < 60 for scale in (2, 4, 8))


def test_a_finished_training_is_not_repeated(tiny, tmp_path):
    (first,) = trained("cms-lapsrn-conv3", tiny(), tmp_path / "out")
    log, (tensors, metadata) = first.log.read_bytes(), read_weights(first.weights)
    (second,) = trained("cms-lapsrn-conv3", tiny(), tmp_path / "out")
    assert second.summary["wall_time_s"] == first.summary["wall_time_s"]
    assert second.log.read_bytes() == log
    again, metadata_again = read_weights(second.weights)
    assert metadata_again == metadata
    torch.testing.assert_close(again, tensors, rtol=0, atol=0)


def test_the_loss_falls(tiny, tmp_path):
    recipe = tiny(steps=40, log_every=10, validate_every=40)
    (network,) = trained("cms-lapsrn-conv1", recipe, tmp_path / "out")
    rows = read_log(network.log)
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"]) / 2


def test_the_weights_are_averages_of_the_path(tiny, tmp_path):
    """With no decay the average is the last step; with full decay it stays near the start."""
    kept = {}
    for ema in (0.0, 0.5):
        out = tmp_path / str(ema)
        trained("cms-lapsrn-conv1", tiny(ema=ema), out)
        state = torch.load(out / NAME, weights_only=True)
        kept[ema] = torch.equal(
            state["network"]["conv_in.weight"], state["average"]["conv_in.weight"]
        )
    assert kept == {0.0: True, 0.5: False}


def test_seed_and_steps_override_the_recipe(tiny, tmp_path):
    weights = {
        seed: trained("cms-lapsrn-conv1", tiny(), tmp_path / str(seed), seed=seed, steps=2)
        for seed in (1, 2)
    }
    tensors = [read_weights(networks[0].weights)[0] for networks in weights.values()]
    assert not torch.equal(tensors[0]["conv_in.weight"], tensors[1]["conv_in.weight"])
    assert weights[1][0].summary["seed"] == 1
    assert weights[1][0].summary["steps"] == 2


def test_lapsrn_is_trained_scale_by_scale_from_2x(tiny, tmp_path):
    networks = trained("lapsrn", tiny(steps=1, log_every=1, validate_every=1), tmp_path / "out")
    assert [network.scales for network in networks] == [(2,), (4,), (8,)]
    for network, scale in zip(networks, (2, 4, 8), strict=True):
        assert network.weights.name == f"lapsrn-x{scale}.safetensors"
        load_weights(create_model("lapsrn", scale), network.weights, get_variant("lapsrn"), scale)
        assert ("from lapsrn at 2x" in network.summary["init"]) == (scale > 2)


def test_levels_start_from_those_of_a_smaller_scale(tiny, tmp_path):
    recipe = tiny(
        steps=1, log_every=1, validate_every=1, ema=0.0, optimizer={"kind": "adam", "lr": 1e-12}
    )
    (small,) = trained("lapsrn", recipe, tmp_path / "x2", scale=2)
    (large,) = trained("lapsrn", recipe, tmp_path / "x8", scale=8, init=small.weights)
    source, _ = read_weights(small.weights)
    target, _ = read_weights(large.weights)
    for level in range(3):
        # Ten convolutions become five: the first four, and the one in front of the upsampler.
        for own, from_ in enumerate((0, 1, 2, 3, 9)):
            torch.testing.assert_close(
                target[f"levels.{level}.convs.{own}.weight"],
                source[f"levels.0.convs.{from_}.weight"],
                atol=1e-9,
                rtol=0,
            )


def test_another_upsampler_can_start_from_the_same_backbone(tiny, tmp_path):
    recipe = tiny(steps=1, log_every=1, validate_every=1)
    (first,) = trained("ms-lapsrn", recipe, tmp_path / "a")
    (second,) = trained("cms-lapsrn-conv1", recipe, tmp_path / "b", init=first.weights)
    assert second.summary["init"] == "from ms-lapsrn at 8x"
    (third,) = trained("ms-lapsrn", recipe, tmp_path / "c", init=second.weights)
    assert third.summary["init"] == "from cms-lapsrn-conv1 at 8x; fresh: upsampler.weight"


def test_the_trainings_before_are_told_first_to_last(tiny, tmp_path):
    recipe = tiny(steps=1, log_every=1, validate_every=1)
    (first,) = trained("ms-lapsrn", recipe, tmp_path / "a")
    (second,) = trained("cms-lapsrn-conv1", recipe, tmp_path / "b", init=first.weights)
    (third,) = trained("cms-lapsrn-conv1", recipe, tmp_path / "c", init=second.weights)
    assert "earlier" not in first.summary
    one = {**first.summary, "sha256": sha256_of(first.weights)}
    assert second.summary["earlier"] == [one]
    two = {key: value for key, value in second.summary.items() if key != "earlier"}
    two["sha256"] = sha256_of(second.weights)
    assert third.summary["earlier"] == [one, two]
    (elsewhere := tmp_path / "elsewhere").mkdir()
    copied = shutil.copy(first.weights, elsewhere)
    (untold,) = trained("ms-lapsrn", recipe, tmp_path / "d", init=copied)
    assert "earlier" not in untold.summary


def test_starting_from_shipped_weights_tells_their_training(tiny, tmp_path):
    recipe = tiny(steps=1, log_every=1, validate_every=1)
    (network,) = trained("ms-lapsrn", recipe, tmp_path / "a", init="ms-lapsrn")
    entry = find_shipped("ms-lapsrn", 8)
    assert entry is not None
    shipped = entry.training
    last = network.summary["earlier"][-1]
    before = {key: value for key, value in shipped.items() if key != "earlier"}
    assert last == {**before, "sha256": entry.sha256}


@pytest.mark.parametrize("scales", [[8], [4, 8], [2]])
def test_a_multi_scale_network_trains_for_some_scales_and_is_validated_at_all(
    tiny, tmp_path, scales
):
    batches = {scale: {"images": 2, "patch": 16} for scale in scales}
    recipe = tiny(steps=2, batches=batches, log_every=1, validate_every=2)
    (network,) = trained("cms-lapsrn-conv3", recipe, tmp_path / "a")
    assert network.scales == (2, 4, 8)
    assert set(network.summary["validation"][-1]) == {"step", "psnr_2x", "psnr_4x", "psnr_8x"}
    rows = read_log(network.log)
    seen = {s for s in (2, 4, 8) if any(row[f"loss_{s}x"] for row in rows)}
    # A step that trains a scale trains the levels below it, too.
    assert seen <= {s for s in (2, 4, 8) if s <= max(scales)}
    assert 2 in seen


def test_a_recipe_without_the_scale_of_a_network_is_refused(tiny, tmp_path):
    recipe = tiny(batches={8: {"images": 2, "patch": 16}})
    with pytest.raises(ConfigError, match="no batches for 2x"):
        trained("lapsrn", recipe, tmp_path / "a", scale=2)


def test_weights_of_another_backbone_are_refused(tiny, tmp_path):
    recipe = tiny(steps=1, log_every=1, validate_every=1)
    (first,) = trained("ms-lapsrn", recipe, tmp_path / "a")
    with pytest.raises(VariantError, match="does not fit"):
        trained("lapsrn", recipe, tmp_path / "b", scale=2, init=first.weights)


def test_a_diverging_training_stops_and_says_where(tiny, tmp_path):
    recipe = tiny(steps=40, optimizer={"kind": "sgd", "lr": 1e12}, clip=None, validate_every=40)
    with pytest.raises(DivergedError, match=r"in step \d+ at learning rate .*nan|inf") as caught:
        trained("cms-lapsrn-conv3", recipe, tmp_path / "out")
    assert "checkpoint" in str(caught.value)
    kept = (
        torch.load(tmp_path / "out" / NAME, weights_only=True)
        if (tmp_path / "out" / NAME).is_file()
        else None
    )
    if kept:
        assert all(v.isfinite().all() for v in kept["network"].values())
    rows = read_log(tmp_path / "out" / "log.csv")
    assert all(math.isfinite(float(row["loss"])) for row in rows)


def test_a_checkpoint_of_another_run_is_refused(tiny, tmp_path):
    trained("cms-lapsrn-conv3", tiny(), tmp_path / "out", steps=2)
    with pytest.raises(ConfigError, match="another variant, recipe"):
        trained("cms-lapsrn-conv1", tiny(), tmp_path / "out", steps=2)
    (tmp_path / "out" / NAME).write_bytes(b"torn")
    with pytest.raises(ConfigError, match="not a readable checkpoint"):
        trained("cms-lapsrn-conv3", tiny(), tmp_path / "out", steps=2)


@pytest.mark.parametrize(
    ("variant", "options", "error", "said"),
    [
        ("bicubic", {}, ConfigError, "nothing to train"),
        ("ms-lapsm", {}, UnknownNameError, "Did you mean ms-lapsrn"),
        ("ms-lapsrn", {"recipe": "fasd"}, UnknownNameError, "Did you mean fast"),
        ("ms-lapsrn", {"scale": 4}, ConfigError, "one network for 2x, 4x and 8x"),
        ("lapsrn", {"scale": 3}, VariantError, "2, 4 or 8"),
        ("ms-lapsrn", {"steps": 0}, ConfigError, "at least 1"),
        ("ms-lapsrn", {"seed": -1}, ConfigError, "seed"),
        ("ms-lapsrn", {"device": "tpu"}, ConfigError, "auto, cpu, cuda"),
        ("ms-lapsrn", {"init": "nothing.safetensors"}, ConfigError, "no such file"),
    ],
)
def test_mistakes_are_named(tmp_path, variant, options, error, said):
    arguments = {"recipe": "smoke", "device": "cpu", **options}
    with pytest.raises(error, match=said):
        train(variant, out=tmp_path / "out", progress=False, **arguments)
    assert not (tmp_path / "out").exists()


def test_missing_training_sets_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    with pytest.raises(DataError, match="HARNESS_DATA"):
        train("ms-lapsrn", recipe="fast", out=tmp_path / "out", device="cpu")
    with pytest.raises(DataError, match="T91 was not found"):
        train("ms-lapsrn", recipe="fast", out=tmp_path / "out", data_root=tmp_path, device="cpu")


def test_two_trainings_cannot_share_a_folder(tiny, tmp_path):
    from filelock import FileLock

    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(ConfigError, match="another training"):
        trained("cms-lapsrn-conv3", tiny(), tmp_path / "out")


def test_held_out_images_do_not_train():
    data = Data(sets=("embedded",), hold_out_every=3)
    split = split_images(list_images(data, None), data)
    assert len(split.training) == 7
    assert len(split.validation) == 3
    assert not set(split.training) & set(split.validation)


def test_progress_is_plain_lines_without_a_terminal(tiny, tmp_path, capfd):
    train("cms-lapsrn-conv3", recipe=tiny(), out=tmp_path / "out", device="cpu")
    lines = [line for line in capfd.readouterr().err.splitlines() if "tiny cms" in line]
    assert lines
    assert all(word in lines[-1] for word in ("step 6/6", "min left", "loss", "patches/s", "dB"))


def test_the_smoke_recipe_runs(tmp_path):
    (network,) = trained("cms-lapsrn-conv3", "smoke", tmp_path / "out")
    assert network.weights.is_file()
    assert load_recipe("smoke").steps == network.summary["steps"]


@pytest.mark.parametrize("native", [True, False])
def test_auto_never_takes_what_is_slower_and_bf16_is_taken_with_a_note(
    native, tiny, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("variants.processor.is_native", lambda dtype, device: native)
    assert wants_bf16("auto", "cpu") == native
    assert wants_bf16("bf16", "cpu")
    assert not wants_bf16("float32", "cpu")
    for precision in ("auto", "bf16"):
        recipe = tiny(precision=precision, steps=1)
        train("cms-lapsrn-conv3", recipe=recipe, out=tmp_path / precision, device="cpu")
        noted = "no arithmetic of its own for bfloat16" in capsys.readouterr().err
        assert noted == (not native and precision == "bf16")
