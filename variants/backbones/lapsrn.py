"""LapSRN: every level has weights of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants import kernels
from variants.backbones.base import SLOPE, MakeUpsampler, Pyramid, conv3x3, image_upsampler
from variants.errors import VariantError
from variants.registry import register_backbone
from variants.upsamplers.base import Upsampler


class LapSRNLevel(nn.Module):
    """One level of LapSRN: D x (conv 3x3 + LeakyReLU), upsampler + LeakyReLU, residual conv."""

    def __init__(self, width: int, depth: int, make_upsampler: MakeUpsampler) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv3x3(width, width) for _ in range(depth))
        self.upsampler = make_upsampler(width, depth, 1)
        self.conv_out = conv3x3(width, 1)
        self.image_up = image_upsampler()

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        for conv in self.convs:
            features = kernels.conv_leaky_relu(conv, features, SLOPE)  # type: ignore[arg-type]
        convs: Sequence[nn.Conv2d] = list(self.convs)  # type: ignore[arg-type]
        features = self.upsampler(features, convs)
        # In place, but for the gradient of an upsampler that needs its own result.
        features = F.leaky_relu(features, SLOPE, inplace=not torch.is_grad_enabled())
        return features, kernels.conv_to_image(self.conv_out, features)


@register_backbone("lapsrn")
class LapSRN(Pyramid):
    """LapSRN (Lai et al., CVPR 2017): every level has its own weights, one network per scale.

    Args:
        scale: 2, 4 or 8.
        depth: convolutions per level; the paper's are 10 at 2x and 4x, and 5 at 8x.
        width: feature channels.
        make_upsampler: called once per level with ``(width, depth, 1)``.
    """

    def __init__(
        self, scale: int, *, depth: int, width: int = 64, make_upsampler: MakeUpsampler
    ) -> None:
        super().__init__(scale, width)
        if depth < 1:
            raise VariantError(f"depth must be at least 1, not {depth}")
        self.depth = depth
        self.levels = nn.ModuleList(
            LapSRNLevel(width, depth, make_upsampler) for _ in range(self.max_levels)
        )

    def _level(self, level: int) -> LapSRNLevel:
        module = self.levels[level]
        assert isinstance(module, LapSRNLevel)
        return module

    def embed(self, y: Tensor) -> Tensor:
        return F.leaky_relu(self.first_conv(y), SLOPE, inplace=True)

    def ascend(self, level: int, features: Tensor) -> tuple[Tensor, Tensor]:
        outputs: tuple[Tensor, Tensor] = self._level(level)(features)
        return outputs

    def image_up(self, level: int) -> nn.Module:
        return self._level(level).image_up

    def upsampler_at(self, level: int) -> Upsampler:
        return self._level(level).upsampler

    def convs_per_level(self) -> int:
        return self.depth
