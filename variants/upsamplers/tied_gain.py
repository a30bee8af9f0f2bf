"""A tied kernel with a learned gain per channel."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from variants.registry import register_upsampler
from variants.upsamplers.base import check_conv
from variants.upsamplers.transposed import KernelUpsampler


@register_upsampler("tied-gain")
class TiedGainUpsampler(KernelUpsampler):
    """The adjoint of the k-th convolution, every output channel times a learned number.

    N x C x H x W to N x C x 2H x 2W, with 2 C parameters: gains, which start at one, and biases.
    Source: the weight-sharing method (see ``tied``) with the per-channel scale of weight
    normalisation, Salimans and Kingma, NeurIPS 2016: direction shared, length learned.

    Args:
        conv: k, the convolution whose weight is shared, 1 to ``n_convs``.
    """

    def __init__(self, channels: int, *, n_convs: int, conv: int, crop: str = "last") -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_conv("tied-gain", conv, n_convs)
        self.conv = conv
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    @property
    def shares(self) -> tuple[int, ...]:
        return (self.conv,)

    def kernel(self, convs: Sequence[nn.Conv2d], level: int = 0) -> Tensor:
        return convs[self.conv - 1].weight * self.gain[None, :, None, None]

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, conv={self.conv}"
