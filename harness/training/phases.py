"""The same transposed convolution, computed as an ordinary one: faster to train on a CPU.

A stride-2 3x3 transposed convolution writes four interleaved images (even and odd rows, even and
odd columns), each a convolution of its input with the 1, 2, 2 or 4 taps that reach it. One 2x2
convolution with four times the channels computes them all. It multiplies with some zeros, yet
takes half the time of torch's transposed convolution in bf16, and its backward pass a third.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional as F

from variants.upsamplers import base


def phase_kernels(weight: Tensor) -> Tensor:
    """C_in x C_out x 3 x 3 (transposed) to 4 C_out x C_in x 2 x 2 (ordinary).

    Output channels are ordered by row parity, column parity, channel; the 2 x 2 taps read the
    input at (i - 1, i) and (j - 1, j).
    """
    taps = weight.transpose(0, 1)
    none = torch.zeros_like(taps[:, :, :1])
    even_rows = torch.cat([taps[:, :, 2:], taps[:, :, :1]], dim=2)
    odd_rows = torch.cat([none, taps[:, :, 1:2]], dim=2)
    rows = torch.stack([even_rows, odd_rows])
    none = torch.zeros_like(rows[..., :1])
    even_columns = torch.cat([rows[..., 2:], rows[..., :1]], dim=-1)
    odd_columns = torch.cat([none, rows[..., 1:2]], dim=-1)
    return torch.stack([even_columns, odd_columns], dim=1).flatten(0, 2)


def phase_transposed_conv(
    features: Tensor, weight: Tensor, bias: Tensor | None, crop: str
) -> Tensor:
    """Drop-in for :func:`variants.upsamplers.base.transposed_conv`, with the same result."""
    if crop != "last":
        return base.transposed_conv(features, weight, bias, crop)
    kernels = phase_kernels(weight)
    padded = F.pad(features, (1, 0, 1, 0))
    phases = F.conv2d(padded, kernels, None if bias is None else bias.repeat(4))
    n, _, height, width = phases.shape
    # One copy in channels-last order, which is how the convolution left its result.
    split = phases.permute(0, 2, 3, 1).reshape(n, height, width, 2, 2, weight.shape[1])
    whole = split.permute(0, 1, 3, 2, 4, 5).reshape(n, 2 * height, 2 * width, weight.shape[1])
    return whole.permute(0, 3, 1, 2)


@contextmanager
def fast_upsampling() -> Iterator[None]:
    """Within this context, the package's upsamplers compute by phases."""
    slow = base.transposed_conv
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            uses_it = getattr(module, "transposed_conv", None) is slow
            if name.startswith("variants.upsamplers.") and module is not base and uses_it:
                stack.enter_context(patch.object(module, "transposed_conv", phase_transposed_conv))
        yield
