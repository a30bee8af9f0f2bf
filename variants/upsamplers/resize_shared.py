"""Resizing and then a convolution whose weight is shared."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, check_conv


@register_upsampler("resize-shared")
class ResizeSharedUpsampler(Upsampler):
    """Nearest-neighbour resizing, then the block's k-th convolution once more.

    N x C x H x W to N x C x 2H x 2W, with C biases of its own. Source: the weight-sharing method
    (see ``tied``) applied to Odena et al., Distill 2016 (see ``resize-conv``): here the shared
    kernel is used as what it was learnt as, a convolution, at four times the MACs of its adjoint.

    Args:
        conv: k, the convolution whose weight is shared, 1 to ``n_convs``.
    """

    def __init__(self, channels: int, *, n_convs: int, conv: int, crop: str = "last") -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_conv("resize-shared", conv, n_convs)
        self.conv = conv
        self.bias = nn.Parameter(torch.zeros(channels))

    @property
    def shares(self) -> tuple[int, ...]:
        return (self.conv,)

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        large = F.interpolate(features, scale_factor=2, mode="nearest")
        return F.conv2d(large, convs[self.conv - 1].weight, self.bias, padding=1)

    def macs(self, height: int, width: int) -> int:
        return 36 * self.channels**2 * height * width

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, conv={self.conv}"
