"""Resizing and then a convolution with weights of its own."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, check_choice, he_std
from variants.upsamplers.bilinear import bilinear, bilinear_macs

MODES = ("nearest", "bilinear")


@register_upsampler("resize-conv")
class ResizeConvUpsampler(Upsampler):
    """Resizing and a 3x3 convolution of the large features.

    N x C x H x W to N x C x 2H x 2W, with 9 C^2 + C parameters, and four times the MACs of a
    transposed convolution with as many. Source: Odena et al., "Deconvolution and Checkerboard
    Artifacts", Distill 2016.

    Args:
        mode: ``"nearest"`` or ``"bilinear"``.
    """

    def __init__(
        self, channels: int, *, n_convs: int, crop: str = "last", mode: str = "nearest"
    ) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_choice("resize-conv", "mode", mode, MODES)
        self.mode = mode
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)
        nn.init.normal_(self.conv.weight, std=he_std(9 * channels))

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        nearest = self.mode == "nearest"
        large = F.interpolate(features, scale_factor=2) if nearest else bilinear(features)
        output: Tensor = self.conv(large)
        return output

    def macs(self, height: int, width: int) -> int:
        unseen = sum(self.uncounted(height, width).values())
        return 36 * self.channels**2 * height * width + unseen

    def uncounted(self, height: int, width: int) -> Mapping[str, int]:
        return {} if self.mode == "nearest" else bilinear_macs(self.channels, height, width)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, mode={self.mode}"
