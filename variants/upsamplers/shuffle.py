"""Sub-pixel convolution: four times the channels become 2x2 pixels."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, he_std


@register_upsampler("shuffle")
class ShuffleUpsampler(Upsampler):
    """3x3 convolution to four times the channels, which become 2 x 2 pixels.

    N x C x H x W to N x C x 2H x 2W, with 36 C^2 + 4 C parameters. Source: Shi et al., "Real-Time
    Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
    Network", CVPR 2016. It starts as Aitken et al., arXiv 1707.02937, say (ICNR): the four kernels
    of a channel alike, so that its first result is that of a convolution and nearest-neighbour
    resizing, without a checkerboard.
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last") -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        self.conv = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)
        one = torch.empty(channels, channels, 3, 3).normal_(std=he_std(9 * channels))
        with torch.no_grad():
            self.conv.weight.copy_(one.repeat_interleave(4, dim=0))

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        return F.pixel_shuffle(self.conv(features), 2)

    def macs(self, height: int, width: int) -> int:
        return 36 * self.channels**2 * height * width
