"""DySample: features are sampled at places that the content chooses."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.errors import VariantError
from variants.precision import without_autocast
from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, check_at_least

SCOPE = 0.25
"""By which predicted offsets are multiplied, so that neighbours' do not overlap."""


@register_upsampler("dysample")
class DySampleUpsampler(Upsampler):
    """Bilinear sampling at learned offsets.

    N x C x H x W to N x C x 2H x 2W. A 1x1 convolution predicts for each group of channels and each
    output pixel how far from its place in the input, in input pixels, it is to be sampled. It
    starts near bilinear resizing. Source: Liu et al., "Learning to Upsample by Learning to Sample"
    (DySample), ICCV 2023, the form with a static scope of 0.25 and offsets that are shuffled into
    place ("LP").

    Args:
        groups: of channels that are sampled at the same places, a divisor of C.
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last", groups: int = 4) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_at_least("dysample", "groups", groups, 1)
        if channels % groups:
            raise VariantError(
                f"dysample upsampler: groups must divide {channels}, the width; {groups} does not"
            )
        self.groups = groups
        self.offset = nn.Conv2d(channels, 2 * 4 * groups, 1)
        assert self.offset.bias is not None
        nn.init.zeros_(self.offset.bias)
        nn.init.normal_(self.offset.weight, std=0.001)

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        n, channels, height, width = features.shape
        offsets = F.pixel_shuffle(SCOPE * self.offset(features), 2)
        with without_autocast(features.device.type):
            offsets = offsets.float().reshape(n * self.groups, 2, 2 * height, 2 * width)
            # Where an output pixel lies, in input pixels from the corner; then from -1 to 1.
            across = (torch.arange(2 * width, device=features.device) + 0.5) / 2
            down = (torch.arange(2 * height, device=features.device) + 0.5) / 2
            x = (across[None, None] + offsets[:, 0]) * 2 / width - 1
            y = (down[None, :, None] + offsets[:, 1]) * 2 / height - 1
            sampled = F.grid_sample(
                features.float().reshape(n * self.groups, channels // self.groups, height, width),
                torch.stack((x, y), dim=-1),
                mode="bilinear",
                padding_mode="border",
                align_corners=False,
            )
        return sampled.reshape(n, channels, 2 * height, 2 * width).to(features.dtype)

    def macs(self, height: int, width: int) -> int:
        predicted = 8 * self.groups * self.channels * height * width
        return predicted + sum(self.uncounted(height, width).values())

    def uncounted(self, height: int, width: int) -> Mapping[str, int]:
        words = "bilinear sampling at learned places, 4 products per value"
        return {words: 16 * self.channels * height * width}

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, groups={self.groups}"
