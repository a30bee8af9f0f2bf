"""PyTorch without a compiler; other precisions through autocast."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

from harness.backends import Backend, Forward, cast

if TYPE_CHECKING:
    from torch import Tensor

    from variants.backbones.base import SRModel


def prepare(
    model: "SRModel", dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`.

    A network in another layout than channels last runs as plain torch would run it.
    """
    import torch

    from variants.kernels import fast_kernels

    kernels = fast_kernels if _is_channels_last(model) else nullcontext

    def forward(y: "Tensor") -> "Tensor":
        with torch.inference_mode(), cast(dtype, device), kernels():
            output: Tensor = model(y)
            return output

    return forward


def _is_channels_last(model: "SRModel") -> bool:
    """By its kernels of several channels; with one channel both layouts are alike."""
    import torch

    kernels = [p for p in model.parameters() if p.ndim == 4 and min(p.shape[:2]) > 1]
    return all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)


BACKEND = Backend(prepare, package="torch", compiles=False)
