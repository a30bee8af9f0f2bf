"""A grouped transposed convolution."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from variants.errors import VariantError
from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, check_at_least, he_std, transposed_conv


@register_upsampler("grouped")
class GroupedUpsampler(Upsampler):
    """3x3 transposed convolution within groups of channels.

    N x C x H x W to N x C x 2H x 2W, with 9 C^2 / groups + C parameters. Source: the grouped
    convolution of Xie et al., "ResNeXt", CVPR 2017, for a transposed one; the next level's
    convolutions mix the groups.

    Args:
        groups: of channels, a divisor of C.
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last", groups: int = 4) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_at_least("grouped", "groups", groups, 1)
        if channels % groups:
            raise VariantError(
                f"grouped upsampler: groups must divide {channels}, the width; {groups} does not"
            )
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(channels, channels // groups, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.normal_(self.weight, std=he_std(9 * channels / groups / 4))

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        return transposed_conv(features, self.weight, self.bias, self.crop, groups=self.groups)

    def macs(self, height: int, width: int) -> int:
        return 9 * self.channels**2 // self.groups * height * width

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, groups={self.groups}"
