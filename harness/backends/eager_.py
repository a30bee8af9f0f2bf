"""PyTorch without a compiler; other precisions through autocast."""

from contextlib import nullcontext

import torch
from torch import Tensor

from harness.backends import Forward
from harness.backends.precision import cast
from variants.backbones.base import SRModel
from variants.kernels import fast_kernels


def prepare(
    model: SRModel, dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`.

    A network in another layout than channels last runs as plain torch would run it.
    """
    kernels = fast_kernels if _is_channels_last(model) else nullcontext

    def forward(y: Tensor) -> Tensor:
        with torch.inference_mode(), cast(dtype, device), kernels():
            output: Tensor = model(y)
            return output

    return forward


def _is_channels_last(model: SRModel) -> bool:
    """By its kernels of several channels; with one channel both layouts are alike."""
    kernels = [p for p in model.parameters() if p.ndim == 4 and min(p.shape[:2]) > 1]
    return all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)
