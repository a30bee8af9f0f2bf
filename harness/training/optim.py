"""Optimisers and learning-rate schedules."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import ConfigError
from harness.training.recipe import Adam, Halving, Muon, Recipe, Sgd


def is_kernel(parameter: Tensor) -> bool:
    """Whether a parameter is a feature-to-feature kernel, which Muon takes as a matrix."""
    return parameter.ndim == 4 and min(parameter.shape[:2]) > 1


def make_optimizers(module: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """The recipe's optimisers over all trainable parameters of a module on its final device."""
    chosen = recipe.optimizer
    parameters = [p for p in module.parameters() if p.requires_grad]
    if isinstance(chosen, Adam):
        return [torch.optim.Adam(parameters, lr=chosen.lr, betas=chosen.betas)]
    if isinstance(chosen, Sgd):
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "lr": chosen.lr},
            {
                "params": [p for p in parameters if p.ndim <= 1],
                "lr": chosen.lr * chosen.bias_lr_factor,
            },
        ]
        return [torch.optim.SGD(groups, momentum=chosen.momentum, weight_decay=chosen.weight_decay)]
    return _muon_and_adam(parameters, chosen)


def _muon_and_adam(parameters: list[nn.Parameter], chosen: Muon) -> list[torch.optim.Optimizer]:
    try:
        from harness.training.muon import KernelMuon
    except ImportError:
        raise ConfigError(
            f"this recipe uses Muon, which torch has from 2.9 on; this is torch {torch.__version__}"
        ) from None
    kernels = [p for p in parameters if is_kernel(p)]
    others = [p for p in parameters if not is_kernel(p)]
    return [
        KernelMuon(kernels, lr=chosen.lr, momentum=chosen.momentum),
        torch.optim.Adam(others, lr=chosen.adam_lr, betas=chosen.betas),
    ]


def rate_factor(recipe: Recipe, step: int) -> float:
    """What the peak rates are multiplied by in step 0, 1, ..., ``recipe.steps`` - 1."""
    schedule = recipe.schedule
    if isinstance(schedule, Halving):
        return max(0.5 ** (step // schedule.every), schedule.floor)
    if step < schedule.warmup:
        return (step + 1) / schedule.warmup
    done = (step - schedule.warmup) / max(1, recipe.steps - schedule.warmup)
    return schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * done)) / 2


def set_rates(optimizers: Iterable[Any], factor: float) -> None:
    """Set every group's rate to its peak times ``factor``."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group.setdefault("peak_lr", group["lr"])
            group["lr"] = group["peak_lr"] * factor
