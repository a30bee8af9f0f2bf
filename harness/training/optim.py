"""Optimisers and learning-rate schedules."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import ConfigError
from harness.training.recipe import Adam, Halving, Muon, Recipe, Sgd

try:
    from torch.optim import Muon as TorchMuon
except ImportError:  # torch older than 2.9
    TorchMuon = None  # type: ignore[assignment, misc]


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
        return [
            torch.optim.SGD(groups, momentum=chosen.momentum, weight_decay=chosen.weight_decay)
        ]
    return _muon_and_adam(parameters, chosen)


def _muon_and_adam(parameters: list[nn.Parameter], chosen: Muon) -> list[torch.optim.Optimizer]:
    if TorchMuon is None:
        raise ConfigError(
            f"this recipe uses Muon, which torch has from 2.9 on; this is torch {torch.__version__}"
        )
    kernels = [p for p in parameters if is_kernel(p)]
    others = [p for p in parameters if not is_kernel(p)]
    return [
        KernelMuon(kernels, lr=chosen.lr, momentum=chosen.momentum),
        torch.optim.Adam(others, lr=chosen.adam_lr, betas=chosen.betas),
    ]


if TorchMuon is not None:

    class KernelMuon(TorchMuon):
        """torch's Muon, which takes matrices only, on C x C x 3 x 3 kernels seen as C x 9C.

        Args:
            kernels: contiguous 4-D parameters, on the device where they stay.
            lr: factor of the orthogonalised momentum.
            momentum: Nesterov's.
        """

        def __init__(self, kernels: Iterable[nn.Parameter], lr: float, momentum: float) -> None:
            self._kernels = list(kernels)
            # Views of the same storage: updating the matrix updates the kernel.
            self._matrices = [nn.Parameter(k.detach().flatten(1)) for k in self._kernels]
            super().__init__(self._matrices, lr=lr, momentum=momentum, weight_decay=0.0)

        @torch.no_grad()
        def step(self, closure: Callable[[], float] | None = None) -> float | None:
            for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
                matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
            result: float | None = super().step(closure)
            return result

        def zero_grad(self, set_to_none: bool = True) -> None:
            for kernel in self._kernels:
                kernel.grad = None
            super().zero_grad(set_to_none)


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
