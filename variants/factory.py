"""From a variant's name to a network."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from variants.backbones.base import SRModel
from variants.build import build, options_of
from variants.catalog import Variant, get_variant
from variants.errors import UnknownNameError, VariantError
from variants.registry import get_backbone, get_upsampler


def create_model(
    name: str, scale: int = 4, pretrained: bool | str | Path = False, **overrides: Any
) -> SRModel:
    """Build a named variant.

    Args:
        name: one of :func:`variants.list_models`.
        scale: 2, 4 or 8.
        pretrained: True loads the weights that ship with this package (verified by SHA-256); a
            path those of a file (``.safetensors``, ``.pth``, ``.mat``).
        **overrides: ``width``, ``depth``, ``recursions``, ``crop``, ``upsampler`` or an option
            of the upsampler (``conv``, ``bias``), in place of the catalog's. With
            ``pretrained=True`` the shipped weights must fit the result.

    Returns:
        A model in evaluation mode: Y in [0, 1], N x 1 x H x W float, to N x 1 x sH x sW.

    Raises:
        UnknownNameError: no such variant, upsampler or override.
        VariantError: an option has an impossible value.
        WeightsError: ``pretrained`` and no weights ship for this variant and scale, or the file
            is damaged or of another network.
    """
    variant = _override(get_variant(name), scale, overrides)
    model = build(variant, scale)
    if isinstance(pretrained, str | Path):
        from variants.weights.foreign import load_any

        if not variant.has_network:
            raise VariantError(f"{name} has no network, so it takes no weights")
        load_any(model, Path(pretrained), variant, scale)
    elif pretrained and variant.has_network:
        from variants.weights.store import load_shipped

        load_shipped(model, variant, scale)
    return model.eval()


def _override(variant: Variant, scale: int, overrides: dict[str, Any]) -> Variant:
    if not overrides:
        return variant
    if not variant.has_network:
        raise VariantError(f"{variant.name} has no network, so {', '.join(overrides)} cannot apply")
    backbone = options_of(get_backbone(variant.backbone))
    fields = {key: overrides[key] for key in ("crop", "upsampler") if key in overrides}
    new_name = str(fields.get("upsampler", variant.upsampler))
    known_options = options_of(get_upsampler(new_name))
    # Another upsampler starts from its own defaults, not from the options of the replaced one.
    upsampler_options = dict(variant.upsampler_options) if new_name == variant.upsampler else {}
    backbone_options = dict(variant.backbone_options)
    for key, value in overrides.items():
        if key in backbone:
            backbone_options[key] = value
        elif key in known_options:
            upsampler_options[key] = value
        elif key not in ("crop", "upsampler"):
            known = {*backbone, "crop", "upsampler", *known_options}
            raise UnknownNameError(f"override for {variant.name}:", key, known)
    return replace(
        variant, backbone_options=backbone_options, upsampler_options=upsampler_options, **fields
    )
