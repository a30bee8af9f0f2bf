"""Muon for convolution kernels."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Muon


class KernelMuon(Muon):
    """torch's Muon, which takes matrices only, on C x C x 3 x 3 kernels seen as C x 9C.

    Args:
        kernels: contiguous 4-D parameters, on the device where they stay.
        lr: factor of the orthogonalised momentum.
        momentum: Nesterov's.
    """

    def __init__(self, kernels: Iterable[nn.Parameter], lr: float, momentum: float) -> None:
        self._kernels = list(kernels)
        # Views of the same storage: updating the matrix updates the kernel.
        self._matrices = [nn.Parameter(kernel.detach().flatten(1)) for kernel in self._kernels]
        super().__init__(self._matrices, lr=lr, momentum=momentum, weight_decay=0.0)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        return super().step(closure)  # type: ignore[no-untyped-call]

    def zero_grad(self, set_to_none: bool = True) -> None:
        for kernel in self._kernels:
            kernel.grad = None
        super().zero_grad(set_to_none)
