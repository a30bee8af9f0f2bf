import math

import pytest
import torch
from torch import nn

from harness.training.optim import is_kernel, make_optimizers, rate_factor, set_rates
from harness.training.recipe import Recipe, load_recipe
from tests.training.conftest import TINY
from variants import create_model


def recipe(**changes):
    return Recipe.model_validate({**TINY, **changes})


def test_muon_updates_a_kernel_as_torch_updates_its_matrix():
    from harness.training.muon import KernelMuon

    torch.manual_seed(0)
    kernel = nn.Parameter(torch.randn(8, 8, 3, 3))
    matrix = nn.Parameter(kernel.detach().clone().flatten(1))
    ours = KernelMuon([kernel], lr=0.1, momentum=0.9)
    torchs = torch.optim.Muon([matrix], lr=0.1, momentum=0.9, weight_decay=0.0)
    for _ in range(3):
        gradient = torch.randn(8, 8, 3, 3)
        kernel.grad, matrix.grad = gradient.clone(), gradient.flatten(1)
        ours.step()
        torchs.step()
    torch.testing.assert_close(kernel.flatten(1), matrix)
    ours.zero_grad()
    assert kernel.grad is None


def test_muon_and_adam_partition_the_parameters():
    model = create_model("ms-lapsrn", 8, width=8)
    muon, adam = make_optimizers(model, recipe())
    taken = [p for group in muon.param_groups for p in group["params"]]
    rest = [p for group in adam.param_groups for p in group["params"]]
    assert len(taken) == 6  # Five convolutions and the upsampler.
    assert sum(p.numel() for p in taken + rest) == sum(p.numel() for p in model.parameters())
    assert not any(is_kernel(p) for p in rest)


def test_sgd_slows_biases_down():
    model = create_model("cms-lapsrn-conv1", 8, width=8)
    (sgd,) = make_optimizers(model, load_recipe("paper"))
    weights, biases = sgd.param_groups
    assert biases["lr"] == pytest.approx(weights["lr"] / 10)
    assert {p.ndim for p in biases["params"]} == {1}
    assert {p.ndim for p in weights["params"]} == {4}


def test_adam_takes_everything():
    model = create_model("ms-lapsrn", 8, width=8)
    (adam,) = make_optimizers(model, recipe(optimizer={"kind": "adam", "lr": 0.1}))
    assert len(adam.param_groups[0]["params"]) == len(list(model.parameters()))


def test_cosine_rises_peaks_and_ends():
    chosen = recipe(steps=110, schedule={"kind": "cosine", "warmup": 10, "final": 0.2})
    assert rate_factor(chosen, 0) == pytest.approx(0.1)
    assert rate_factor(chosen, 10) == 1
    assert rate_factor(chosen, 60) == pytest.approx(0.6)
    end = 0.2 + 0.8 * (1 + math.cos(math.pi * 0.99)) / 2
    assert rate_factor(chosen, 109) == pytest.approx(end)


def test_the_papers_rate_halves_down_to_a_tenth():
    chosen = load_recipe("paper")
    factors = [rate_factor(chosen, step) for step in (0, 99_999, 100_000, 300_000, 449_999)]
    assert factors == [1, 1, 0.5, 0.125, 0.1]


def test_rates_are_set_from_the_peak_however_often():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.4)
    for factor in (0.5, 0.5, 0.25):
        set_rates([optimizer], factor)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.4 * factor)
