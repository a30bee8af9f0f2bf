"""From a variant's name to a network."""

from pathlib import Path
from typing import Any

from variants.axes import override
from variants.backbones.base import SRModel
from variants.build import build
from variants.catalog import get_variant
from variants.errors import VariantError


def create_model(
    name: str, scale: int = 4, pretrained: bool | str | Path = False, **overrides: Any
) -> SRModel:
    """Build a named variant.

    Args:
        name: one of :func:`variants.list_models`, also with options: ``ms-lapsrn[width=32]``.
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
    variant = override(get_variant(name), overrides)
    model = build(variant, scale)
    if isinstance(pretrained, str | Path):
        from variants.weights.foreign import load_any

        if not variant.has_network or variant.brings_weights:
            why = "brings its own" if variant.has_network else "has no network, so it takes no"
            raise VariantError(f"{name} {why} weights")
        load_any(model, Path(pretrained), variant, scale)
    elif pretrained and variant.has_network and not variant.brings_weights:
        from variants.weights.store import load_shipped

        load_shipped(model, variant, scale)
    return model.eval()
