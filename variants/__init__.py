"""The networks: LapSRN-family backbones and the upsamplers that plug into them.

    >>> import variants
    >>> variants.list_models()
    ['bicubic', 'lapsrn', 'ms-lapsrn', ...]
    >>> model = variants.create_model("cms-lapsrn-conv3", scale=4, pretrained=True)

Names resolve lazily, so that reading the catalog does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from variants.catalog import Variant, get_variant, list_models
    from variants.errors import UnknownNameError, VariantError, WeightsError
    from variants.factory import create_model
    from variants.registry import get_upsampler, list_upsamplers, register_upsampler

_HOMES = {
    "Variant": "catalog",
    "get_variant": "catalog",
    "list_models": "catalog",
    "UnknownNameError": "errors",
    "VariantError": "errors",
    "WeightsError": "errors",
    "create_model": "factory",
    "get_upsampler": "registry",
    "list_upsamplers": "registry",
    "register_upsampler": "registry",
}

__all__ = [
    "UnknownNameError",
    "Variant",
    "VariantError",
    "WeightsError",
    "create_model",
    "get_upsampler",
    "get_variant",
    "list_models",
    "list_upsamplers",
    "register_upsampler",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"variants.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'variants' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
