"""A 4x4 transposed convolution with weights of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, he_std


@register_upsampler("transposed-4x4")
class Transposed4x4Upsampler(Upsampler):
    """4x4 transposed convolution, stride 2, padding 1, with its own weight and bias.

    N x C x H x W to N x C x 2H x 2W, with 16 C^2 + C parameters. Every output reads 2 x 2 inputs,
    as many as its neighbours do, where a 3x3 kernel reads one, two or four in turns. Source: Odena
    et al., "Deconvolution and Checkerboard Artifacts", Distill 2016: a kernel size that the stride
    divides.
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last") -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        self.weight = nn.Parameter(torch.empty(channels, channels, 4, 4))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.normal_(self.weight, std=he_std(4 * channels))

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        return F.conv_transpose2d(features, self.weight, self.bias, stride=2, padding=1)

    def macs(self, height: int, width: int) -> int:
        return 16 * self.channels**2 * height * width
