"""A depthwise-separable transposed convolution."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, he_std, transposed_conv


@register_upsampler("separable")
class SeparableUpsampler(Upsampler):
    """1x1 convolution of the small features, then a 3x3 transposed one of each channel alone.

    N x C x H x W to N x C x 2H x 2W, with C^2 + 11 C parameters. Source: the depthwise-separable
    convolution of Howard et al., "MobileNets", arXiv 1704.04861, for a transposed one; the channels
    are mixed first, where there are a quarter of the pixels.
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last") -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        self.mix = nn.Conv2d(channels, channels, 1)
        assert self.mix.bias is not None
        nn.init.zeros_(self.mix.bias)
        nn.init.normal_(self.mix.weight, std=he_std(channels))
        self.weight = nn.Parameter(torch.empty(channels, 1, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        # Nothing is activated between the two: no He factor for the second.
        nn.init.normal_(self.weight, std=(9 / 4) ** -0.5)

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        mixed = self.mix(features)
        return transposed_conv(mixed, self.weight, self.bias, self.crop, groups=self.channels)

    def macs(self, height: int, width: int) -> int:
        return (self.channels**2 + 9 * self.channels) * height * width
