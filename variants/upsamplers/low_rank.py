"""A low-rank transposed convolution."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, check_at_least, he_std, transposed_conv
from variants.upsamplers.tied_lora import truncated_svd


@register_upsampler("low-rank")
class LowRankUpsampler(Upsampler):
    """1x1 convolution to r channels, then a 3x3 transposed one from r to C.

    N x C x H x W to N x C x 2H x 2W, with 10 r C + C parameters: a 3x3 transposed convolution whose
    kernel, as a C x 9C matrix, has rank r. Source: Jaderberg et al., "Speeding up Convolutional
    Neural Networks with Low Rank Expansions", BMVC 2014, for a transposed one. From a trained
    transposed convolution it starts with its truncated singular value decomposition.

    Args:
        rank: r, at least 1.
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last", rank: int = 16) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_at_least("low-rank", "rank", rank, 1)
        self.rank = rank
        self.reduce = nn.Parameter(torch.empty(rank, channels, 1, 1))
        self.weight = nn.Parameter(torch.empty(rank, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.normal_(self.reduce, std=channels**-0.5)
        nn.init.normal_(self.weight, std=he_std(9 * rank / 4))

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        return transposed_conv(F.conv2d(features, self.reduce), self.weight, self.bias, self.crop)

    def macs(self, height: int, width: int) -> int:
        return 10 * self.rank * self.channels * height * width

    @torch.no_grad()
    def start_from(self, weight: Tensor, bias: Tensor, convs: Sequence[nn.Conv2d]) -> bool:
        left, right = truncated_svd(weight.flatten(1), self.rank)
        self.reduce.copy_(left.T[..., None, None])
        self.weight.copy_(right.view_as(self.weight))
        self.bias.copy_(bias)
        return True

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, rank={self.rank}"
