"""A kernel that inverts a strided convolution, by a few steps of Neumann's series."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.precision import without_autocast
from variants.registry import register_upsampler
from variants.upsamplers.base import check_at_least, check_conv, he_std
from variants.upsamplers.transposed import KernelUpsampler

POWER_STEPS = 10
"""Of the power iteration that estimates the largest singular value."""


def strided_responses(kernels: Tensor, weight: Tensor) -> Tensor:
    """What a stride-2 convolution makes of the image that each input channel is upsampled to.

    Args:
        kernels: N x C_x x 3 x 3, of a transposed convolution.
        weight: C_y x C_x x 3 x 3, of a convolution.

    Returns:
        N x C_y x 3 x 3: the response to an impulse, at offsets of -1 to 1 LR pixels. The two undo
        each other if it is the identity at the centre, and zero around it.
    """
    return F.conv2d(kernels, weight, stride=2, padding=2)


def strided_adjoint(responses: Tensor, weight: Tensor) -> Tensor:
    """The adjoint of :func:`strided_responses`: N x C_y x 3 x 3 to N x C_x x 3 x 3."""
    return F.conv_transpose2d(responses, weight, stride=2, padding=2)


def identity_response(weight: Tensor) -> Tensor:
    """The response of an exact inverse: C_y x C_y x 3 x 3, one at the centre of its own channel."""
    centre = F.pad(torch.ones_like(weight[:1, :1, :1, :1]), (1, 1, 1, 1))
    channels = torch.eye(len(weight), device=weight.device, dtype=weight.dtype)
    return channels[:, :, None, None] * centre


def neumann_inverse(weight: Tensor, steps: int) -> Tensor:
    """A 3x3 transposed kernel that the stride-2 convolution with ``weight`` undoes.

    With A for :func:`strided_responses` and E for the identity, the kernel is
    a A'(1 + (1 - a A A') + ... + (1 - a A A')^steps) E: the Neumann series of the pseudo-inverse
    (Landweber's iteration), where a is one over the largest eigenvalue of A A'. Without any step it
    is the adjoint times a; in the limit, the best inverse with 3 x 3 taps. To stop early is what
    regularises it: directions that A hardly passes are left alone.

    Args:
        weight: C x C x 3 x 3 of a convolution (out x in); gradients flow back into it.
        steps: 0 or more.
    """
    start = weight.mean(0, keepdim=True)
    for _ in range(POWER_STEPS):
        start = strided_adjoint(strided_responses(start, weight), weight)
        start = start / (start.square().sum().sqrt() + torch.finfo(weight.dtype).tiny)
    largest = strided_responses(start, weight).square().sum()
    rate = 1 / (largest + torch.finfo(weight.dtype).tiny)
    identity = identity_response(weight)
    kernel = rate * weight
    for _ in range(steps):
        error = identity - strided_responses(kernel, weight)
        kernel = kernel + rate * strided_adjoint(error, weight)
    return kernel


@register_upsampler("inverse")
class InverseUpsampler(KernelUpsampler):
    """A regularised inverse of the stride-2 convolution with the k-th convolution's weight.

    N x C x H x W to N x C x 2H x 2W, at the adjoint's MACs per pixel and with its C biases: the
    3x3 kernel is derived on every call by some steps of Neumann's series, see
    :func:`neumann_inverse`. Source: what "inverse convolution estimation" in "Weight-Sharing Method
    for Upsampling Layer From Feature Embedding Recursive Block" promises and the adjoint (``tied``)
    approximates; the iteration is Landweber's, American Journal of Mathematics, 1951.

    Args:
        conv: k, the convolution whose weight is shared, 1 to ``n_convs``; None for a weight
            (C x C x 3 x 3) of its own, of which the inverse is used.
        steps: of the series, at least 1.
    """

    def __init__(
        self,
        channels: int,
        *,
        n_convs: int,
        conv: int | None = None,
        crop: str = "last",
        steps: int = 8,
    ) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        if conv is not None:
            check_conv("inverse", conv, n_convs)
        check_at_least("inverse", "steps", steps, 1)
        self.conv, self.steps = conv, steps
        self.weight = None
        if conv is None:
            self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
            nn.init.normal_(self.weight, std=he_std(9 * channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    @property
    def shares(self) -> tuple[int, ...]:
        return () if self.conv is None else (self.conv,)

    def kernel(self, convs: Sequence[nn.Conv2d], level: int = 0) -> Tensor:
        weight = self.weight if self.conv is None else convs[self.conv - 1].weight
        assert weight is not None
        with without_autocast(weight.device.type):
            return neumann_inverse(weight, self.steps)

    def kernel_macs(self) -> int:
        columns = (2 * POWER_STEPS + 1) + 2 * self.steps * self.channels
        return 81 * self.channels**2 * columns

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, conv={self.conv}, steps={self.steps}"
