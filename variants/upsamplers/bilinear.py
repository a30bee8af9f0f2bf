"""Bilinear resizing: no weights at all."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler


def bilinear(features: Tensor) -> Tensor:
    """N x C x H x W to N x C x 2H x 2W; pixel centres at half-integers, borders repeated."""
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


def bilinear_macs(channels: int, height: int, width: int) -> Mapping[str, int]:
    """What :func:`bilinear` takes of H x W features: four products per value."""
    return {"bilinear resizing, 4 products per value": 16 * channels * height * width}


@register_upsampler("bilinear")
class BilinearUpsampler(Upsampler):
    """Bilinear interpolation of every channel.

    N x C x H x W to N x C x 2H x 2W, without parameters. Source: the baseline of the content-aware
    upsamplers, such as Wang et al., "CARAFE", ICCV 2019.
    """

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        return bilinear(features)

    def macs(self, height: int, width: int) -> int:
        return sum(self.uncounted(height, width).values())

    def uncounted(self, height: int, width: int) -> Mapping[str, int]:
        return bilinear_macs(self.channels, height, width)
