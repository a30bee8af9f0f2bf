"""The upsampler of LapSRN and MS-LapSRN: a transposed convolution with weights of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, transposed_conv


@register_upsampler("transposed")
class TransposedUpsampler(Upsampler):
    """3x3 transposed convolution, stride 2, C to C, with its own weight (C x C x 3 x 3) and bias.

    N x C x H x W to N x C x 2H x 2W. Source: Lai et al., "Deep Laplacian Pyramid Networks"
    (CVPR 2017), section 3.1, in the form of the authors' released networks.
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last") -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        # He et al. for a transposed convolution: a quarter of 9 x C taps reach an output.
        nn.init.normal_(self.weight, std=(2 / (1.04 * 9 * channels / 4)) ** 0.5)

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        return transposed_conv(features, self.weight, self.bias, self.crop)

    def macs(self, height: int, width: int) -> int:
        return 9 * self.channels**2 * height * width
