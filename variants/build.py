"""From a variant to its network, without weights."""

from collections.abc import Callable

from variants.backbones.base import SRModel, n_levels
from variants.catalog import Variant
from variants.errors import UnknownNameError
from variants.outside import OutsideNetwork
from variants.registry import get_backbone, get_upsampler, options_of
from variants.upsamplers.base import Upsampler


def build(variant: Variant, scale: int) -> SRModel:
    """The network of a variant at a scale, freshly initialised (torch's global generator)."""
    if isinstance(variant, OutsideNetwork):
        return variant.build(scale)
    backbone: Callable[..., SRModel] = get_backbone(variant.backbone)
    options = variant.options_at(scale)
    if variant.upsampler is None:
        return backbone(scale, **options)
    n_levels(scale)  # A clear error for a scale that no pyramid has.
    upsampler, crop = get_upsampler(variant.upsampler), variant.crop
    upsampler_options = dict(variant.upsampler_options)
    accepted = options_of(upsampler)
    for key in upsampler_options:
        if key not in accepted:
            raise UnknownNameError(f"option of upsampler {variant.upsampler!r}:", key, accepted)

    def make_upsampler(channels: int, n_convs: int, levels: int) -> Upsampler:
        given = {"levels": levels} if upsampler.per_level else {}
        return upsampler(channels, n_convs=n_convs, crop=crop, **given, **upsampler_options)

    return backbone(scale, make_upsampler=make_upsampler, **options)
