"""MS-LapSRN: one recursive block with the same weights at every level."""

from collections import Counter
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from variants import kernels
from variants.backbones.base import SLOPE, MakeUpsampler, Pyramid, conv3x3, image_upsampler
from variants.catalog import SCALES
from variants.errors import VariantError
from variants.registry import register_backbone
from variants.upsamplers.base import Upsampler


@register_backbone("ms-lapsrn")
class MSLapSRN(Pyramid):
    """MS-LapSRN (Lai et al., TPAMI 2018), the "SS" form: one set of weights for every level.

    A block of D x (LeakyReLU, conv 3x3) runs R times per level; after each run the level's input
    is added. Then LeakyReLU and the upsampler, whose output feeds both the residual convolution
    and the next level. The state dict is the same for 2x, 4x and 8x.

    Args:
        scale: 2, 4 or 8; ``forward_levels`` also serves the smaller ones.
        depth: D, convolutions in the block.
        recursions: R, how often the block runs per level.
        width: feature channels.
        make_upsampler: called once with ``(width, depth, 3)``: it serves three levels.
    """

    def __init__(
        self,
        scale: int,
        *,
        depth: int = 5,
        recursions: int = 2,
        width: int = 64,
        make_upsampler: MakeUpsampler,
    ) -> None:
        super().__init__(scale, width)
        if depth < 1 or recursions < 1:
            raise VariantError(
                f"depth and recursions must be at least 1, not {depth} and {recursions}"
            )
        self.depth, self.recursions = depth, recursions
        self.convs = nn.ModuleList(conv3x3(width, width) for _ in range(depth))
        self.upsampler = make_upsampler(width, depth, len(SCALES))
        self.conv_out = conv3x3(width, 1)
        self.image_upsampler = image_upsampler()
        # Of a network that was folded for inference, see variants.fold.
        self.folded: nn.Module | None = None

    @property
    def block(self) -> list[nn.Conv2d]:
        """The D convolutions, which an upsampler may share."""
        return list(self.convs)  # type: ignore[arg-type]

    def embed(self, y: Tensor) -> Tensor:
        return self.first_conv(y)

    def ascend(self, level: int, features: Tensor) -> tuple[Tensor, Tensor]:
        convs = self.block
        level_input = features
        # The level's input is needed again, so it must not be overwritten.
        features = F.leaky_relu(level_input, SLOPE)
        for _ in range(self.recursions):
            for conv in convs[:-1]:
                features = kernels.conv_leaky_relu(conv, features, SLOPE)
            features = F.leaky_relu(convs[-1](features) + level_input, SLOPE, inplace=True)
        if self.folded is not None and level == self.max_levels - 1:
            return features, self.folded(features)
        features = self.upsampler.at_level(level, features, convs)
        return features, kernels.conv_to_image(self.conv_out, features)

    def image_up(self, level: int) -> nn.Module:
        return self.image_upsampler

    def upsampler_at(self, level: int) -> Upsampler:
        return self.upsampler

    def level_macs(self, level: int, height: int, width: int) -> int:
        total = super().level_macs(level, height, width)
        if self.folded is None or level < self.max_levels - 1:
            return total
        separate = self.upsampler.macs(height, width) + 36 * self.width * height * width
        folded: int = self.folded.macs(height, width)  # type: ignore[operator]
        return total - separate + folded

    def uncounted(self, height: int, width: int) -> Mapping[str, int]:
        if self.folded is None:
            return super().uncounted(height, width)
        total: Counter[str] = Counter()
        for level in range(self.max_levels - 1):
            total.update(self.upsampler.uncounted(height << level, width << level))
        return total

    def convs_per_level(self) -> int:
        return self.depth * self.recursions
