"""What needs processes of its own: being killed, and being several."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.training.checkpoint import NAME
from harness.training.log import read_log
from tests.training.worker import VARIANT, train_observed
from variants.weights.files import read_weights

ROOT = Path(__file__).parents[2]
CLOCKS = ("images_per_s", "input_share", "wall_s")


def work(recipe, out, *more, processes=1):
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    command = [
        sys.executable,
        "-m",
        *(launcher if processes > 1 else []),
        "tests.training.worker",
        *(str(argument) for argument in (recipe, out, losses_file(out), *more)),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=180, check=False
    )


def losses_file(out):
    return out.with_suffix(".losses")


def losses(out):
    lines = losses_file(out).read_text().splitlines()
    return {int(line.split()[0]): float(line.split()[1]) for line in lines}


def curve(out):
    return [{k: v for k, v in row.items() if k not in CLOCKS} for row in read_log(out / "log.csv")]


def weights(out):
    return read_weights(out / f"{VARIANT}.safetensors")[0]


@pytest.mark.parametrize("taught", [False, True])
def test_killed_and_resumed_is_the_same_training(tiny, tmp_path, taught):
    recipe = tiny(
        steps=10,
        log_every=2,
        validate_every=4,
        ema=0.9,
        **({"distillation": {"teacher": "ms-lapsrn"}} if taught else {}),
    )
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train_observed(recipe, whole, losses_file(whole))
    # Between two checkpoints: step 7 was taken, and must be taken again.
    assert work(recipe, broken, 7).returncode == -signal.SIGKILL
    assert max(losses(broken)) == 7
    train_observed(recipe, broken, losses_file(broken))
    assert losses(broken) == losses(whole)
    assert curve(broken) == curve(whole)
    torch.testing.assert_close(weights(broken), weights(whole), rtol=0, atol=0)
    states = [torch.load(out / NAME, weights_only=True) for out in (broken, whole)]
    torch.testing.assert_close(*(state["optimizers"] for state in states), rtol=0, atol=0)
    assert states[0]["curve"] == states[1]["curve"]


@pytest.mark.parametrize("per_step", ["one", pytest.param("all", marks=pytest.mark.slow)])
def test_two_processes_train_as_one(tiny, tmp_path, per_step):
    recipe = tiny(
        steps=20,
        per_step=per_step,
        log_every=10,
        validate_every=20,
        # Muon rounds to bf16 inside, which magnifies differences in the order of summation.
        optimizer={"kind": "sgd", "lr": 0.02},
        batches={scale: {"images": 3, "patch": 16} for scale in (2, 4, 8)},
    )
    alone, together = tmp_path / "alone", tmp_path / "together"
    train_observed(recipe, alone, losses_file(alone))
    result = work(recipe, together, processes=2)
    assert result.returncode == 0, result.stderr
    assert len(losses(together)) == 20
    assert losses(together) == pytest.approx(losses(alone), rel=1e-4)
    for row, other in zip(curve(together), curve(alone), strict=True):
        for column in ("loss", "loss_2x", "loss_8x", "grad_norm"):
            assert float(row[column]) == pytest.approx(float(other[column]), rel=1e-3)
    torch.testing.assert_close(weights(together), weights(alone), rtol=1e-3, atol=1e-5)
