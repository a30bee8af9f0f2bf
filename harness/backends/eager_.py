"""PyTorch without a compiler; other precisions through autocast."""

import torch
from torch import Tensor

from harness.backends import Forward
from harness.backends.precision import cast
from variants.backbone import SRModel
from variants.kernels import fast_kernels


def prepare(
    model: SRModel, dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`."""

    def forward(y: Tensor) -> Tensor:
        with torch.inference_mode(), cast(dtype, device), fast_kernels():
            output: Tensor = model(y)
            return output

    return forward
