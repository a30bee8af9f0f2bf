"""Faster ways to compute on a CPU what the networks define: within ``fast_kernels()``.

Three rewrites, each equal to what it replaces:

- A stride-2 3x3 transposed convolution writes four interleaved images (even and odd rows, even
  and odd columns), each a convolution of its input with the 1, 2, 2 or 4 taps that reach it. Where
  fewer and larger convolutions are faster, one 2x2 convolution with four times the channels
  computes them all, and multiplies with some zeros. What each gains is in docs/speed.md.
- A convolution and the LeakyReLU behind it are one oneDNN call, whose result is still in the
  processor's cache when it is activated; where :mod:`variants.processor` finds that it serves.
- The convolution to the one channel of the image is a matrix product and nine additions.

Outside the context the networks are plain torch, which tracers, exporters and operator counters
understand. Of the rewrites, ``torch.compile`` gets the first; it fuses better than we do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants import processor

_fast = 0
_lock = Lock()


@contextmanager
def fast_kernels() -> Iterator[None]:
    """While any thread is within this context, networks on a CPU compute the fast way."""
    global _fast
    with _lock:
        _fast += 1
    try:
        yield
    finally:
        with _lock:
            _fast -= 1


def enabled_for(tensor: Tensor, device: str = "cpu") -> bool:
    """Whether the fast way of a kind of device applies to an operation on a tensor."""
    return _fast > 0 and tensor.device.type == device


def _use_native_op(tensor: Tensor) -> bool:
    """Whether an operation is left to torch as it is, or to a compiler."""
    return torch.compiler.is_compiling() or not enabled_for(tensor)


def channels_last(features: Tensor) -> Tensor:
    """The layout that convolutions are fastest in, where the fast way applies.

    On a GPU that is in half precision, the layout that its matrix units read. The image with its
    single channel cannot hint at it: with one channel both layouts are alike.
    """
    half = features.dtype in (torch.bfloat16, torch.float16)
    serves = enabled_for(features) or (enabled_for(features, "cuda") and half)
    if torch.compiler.is_compiling() or not serves:
        return features
    return features.contiguous(memory_format=torch.channels_last)


def conv_leaky_relu(conv: nn.Conv2d, features: Tensor, slope: float) -> Tensor:
    """``leaky_relu(conv(features), slope)`` for a 3x3 convolution with padding 1 and a bias."""
    if _use_native_op(features) or not processor.fuses_leaky_relu(_dtype_of_products(features)):
        return F.leaky_relu(conv(features), slope, inplace=True)
    assert conv.bias is not None
    dtype = _dtype_of_products(features)
    operands = [tensor.to(dtype) for tensor in (features, conv.weight, conv.bias)]
    result: Tensor = _ConvLeakyReLU.apply(*operands, slope)  # type: ignore[no-untyped-call]
    return result


class _ConvLeakyReLU(torch.autograd.Function):
    """oneDNN's convolution with the activation fused into it, which torch gives no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, slope: float) -> Tensor:
        y = processor.fused_conv_leaky_relu(x, weight, bias, slope)
        ctx.save_for_backward(x, weight, y)
        ctx.slope = slope
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, y = ctx.saved_tensors
        # The slope is positive, so the result's sign is that of the activation's input.
        grad = torch.ops.aten.leaky_relu_backward(grads[0], y, ctx.slope, True)
        wanted = [*ctx.needs_input_grad[:3]]
        padding = [1, 1]
        gradients = torch.ops.aten.convolution_backward(
            grad, x, weight, [len(weight)], [1, 1], padding, [1, 1], False, [0, 0], 1, wanted
        )
        return (*gradients, None)


def polyphase_kernels(weight: Tensor) -> Tensor:
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


def conv_transpose2d_polyphase(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``conv_transpose2d(features, weight, bias, stride=2)`` without its last row and column."""
    if torch.compiler.is_compiling() or _prefers_one_large_conv(features):
        return conv_transpose2d_polyphase_at_once(features, weight, bias)
    n, _, height, width = features.shape
    taps = weight.transpose(0, 1)
    whole: Tensor | None = None
    # Even rows and columns read two taps, (i - 1, i) or (j - 1, j), odd ones the middle one.
    for row, row_taps in enumerate((taps[:, :, ::2].flip(2), taps[:, :, 1:2])):
        for column, kernel in enumerate((row_taps[..., ::2].flip(3), row_taps[..., 1:2])):
            phase = F.conv2d(features, kernel, bias, padding=(1 - row, 1 - column))
            if whole is None:
                whole = phase.new_empty(n, height, 2, width, 2, len(taps))
            # In channels-last order, which is how the convolutions leave their results.
            whole[:, :, row, :, column] = phase[..., :height, :width].permute(0, 2, 3, 1)
    assert whole is not None
    return whole.view(n, 2 * height, 2 * width, len(taps)).permute(0, 3, 1, 2)


def conv_transpose2d_polyphase_at_once(
    features: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor:
    """:func:`conv_transpose2d_polyphase` by one convolution with four times the channels."""
    n, _, height, width = features.shape
    biases = None if bias is None else bias.repeat(4)
    phases = F.conv2d(F.pad(features, (1, 0, 1, 0)), polyphase_kernels(weight), biases)
    rows = [part.permute(0, 2, 3, 1) for part in phases.chunk(2, dim=1)]
    whole = torch.stack(rows, dim=2)
    return whole.reshape(n, 2 * height, 2 * width, weight.shape[1]).permute(0, 3, 1, 2)


def conv_transpose2d_padded(
    features: Tensor, weight: Tensor, bias: Tensor | None, groups: int = 1
) -> Tensor:
    """:func:`conv_transpose2d_polyphase` as one transposed convolution, for a GPU.

    A row and a column of zeros in front of the input move the output by two, so that the operator
    itself leaves out what else has to be cropped: a copy of an image four times as large.
    """
    padded = F.pad(features, (1, 0, 1, 0))
    return F.conv_transpose2d(
        padded, weight, bias, stride=2, padding=2, output_padding=1, groups=groups
    )


def conv_to_image(conv: nn.Conv2d, features: Tensor) -> Tensor:
    """``conv(features)`` for a 3x3 convolution with padding 1 to one channel.

    One product reads the features once and gives each of the nine taps its image; their shifted
    sum costs little. A convolution with one output channel uses a fraction of a vector.
    """
    if _use_native_op(features) or _prefers_one_large_conv(features):
        result: Tensor = conv(features)
        return result
    n, channels, height, width = features.shape
    taps = conv.weight[0].flip(1, 2).reshape(channels, 9).T
    images = F.conv2d(features, taps[..., None, None]).contiguous()
    images = images.view(n, 3, 3, height, width)
    # In the weights' dtype, which under autocast is wider than that of the products.
    bias = conv.weight.new_zeros(1) if conv.bias is None else conv.bias
    total = bias.repeat(n, height + 2, width + 2)
    for row in range(3):
        for column in range(3):
            total[:, row : row + height, column : column + width] += images[:, row, column]
    return total[:, None, 1:-1, 1:-1]


def _prefers_one_large_conv(features: Tensor) -> bool:
    """Whether few and large convolutions are faster: with gradients, and in bfloat16 with AMX.

    There products cost next to nothing, and what is read and written once more does.
    """
    bf16 = _dtype_of_products(features) == torch.bfloat16
    return torch.is_grad_enabled() or (bf16 and processor.has_amx())


def _dtype_of_products(features: Tensor) -> torch.dtype:
    """What a convolution of these features on the CPU computes in."""
    autocast = torch.is_autocast_enabled("cpu")
    return torch.get_autocast_dtype("cpu") if autocast else features.dtype
