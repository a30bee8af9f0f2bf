"""Resizing, a convolution, and attention to each pixel."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, he_std


@register_upsampler("pixel-attention")
class PixelAttentionUpsampler(Upsampler):
    """Nearest-neighbour resizing and a 3x3 convolution, weighted by what a 1x1 one makes of it.

    N x C x H x W to N x C x 2H x 2W, with 10 C^2 + 2 C parameters. Source: the U-PA block of Zhao
    et al., "Efficient Image Super-Resolution Using Pixel Attention" (PAN), ECCV Workshops 2020,
    without the second 3x3 convolution, in whose place the backbone's own stand.
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last") -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.attention = nn.Conv2d(channels, channels, 1)
        for conv, fan in ((self.conv, 9 * channels), (self.attention, channels)):
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)
            nn.init.normal_(conv.weight, std=he_std(fan))

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        large = self.conv(F.interpolate(features, scale_factor=2, mode="nearest"))
        output: Tensor = large * torch.sigmoid(self.attention(large))
        return output

    def macs(self, height: int, width: int) -> int:
        return 40 * self.channels**2 * height * width
