"""One network for several variants: what they share is trained once.

The variants differ in their upsampler only. The trunk holds all their upsamplers and each step
uses one, drawn at random, so that none is favoured; each variant is then fine-tuned from it.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from harness.errors import ConfigError
from variants.backbone import SRModel
from variants.catalog import get_variant
from variants.factory import build
from variants.upsamplers.base import Upsampler


class DrawnUpsampler(Upsampler):
    """Several upsamplers in the place of one: N x C x H x W to N x C x 2H x 2W with the active.

    Args:
        choices: upsamplers of the same width and crop.
    """

    def __init__(self, choices: Sequence[Upsampler]) -> None:
        first = choices[0]
        super().__init__(first.channels, n_lenders=first.n_lenders, crop=first.crop)
        self.choices = nn.ModuleList(choices)
        self.active = 0

    def forward(self, features: Tensor, lenders: Sequence[nn.Conv2d]) -> Tensor:
        upsampled: Tensor = self.choices[self.active](features, lenders)
        return upsampled

    def macs(self, height: int, width: int) -> int:
        active = self.choices[self.active]
        assert isinstance(active, Upsampler)
        return active.macs(height, width)


def build_trunk(names: Sequence[str], scale: int) -> SRModel:
    """A network with the upsamplers of all named variants, which must share one backbone.

    Raises:
        ConfigError: the backbones differ, or weights are not shared across scales.
    """
    variants = [get_variant(name) for name in names]
    backbones = {str((v.backbone, v.options_at(scale), v.crop)) for v in variants}
    if len(backbones) != 1 or variants[0].per_scale_weights or not variants[0].has_network:
        raise ConfigError(f"a trunk needs variants of one multi-scale backbone: {', '.join(names)}")
    models = [build(variant, scale) for variant in variants]
    trunk = models[0]
    trunk.upsampler = DrawnUpsampler([m.upsampler for m in models])  # type: ignore[misc]
    return trunk


def weights_of(tensors: dict[str, Tensor], choice: int) -> dict[str, Tensor]:
    """One variant's state dict from a trunk's."""
    prefix, own = "upsampler.choices.", f"upsampler.choices.{choice}."
    result = {k: v for k, v in tensors.items() if not k.startswith(prefix)}
    for key, value in tensors.items():
        if key.startswith(own):
            result[f"upsampler.{key.removeprefix(own)}"] = value
    return result
