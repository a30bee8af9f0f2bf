"""Axes of a run: variants expanded to every combination of options."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from variants.axes import options_in
from variants.catalog import SCALES, Variant, get_variant
from variants.errors import UnknownNameError, VariantError

MOST_PARAMETERS = 10**9
"""Of a network with options: more is a slip, and fills the memory."""


def expand(variants: Iterable[str], axes: Mapping[str, Iterable[Any]]) -> tuple[str, ...]:
    """Names of variants with every combination of options, those without such an option as it is.

    Args:
        variants: names.
        axes: options to the values that each takes.

    Raises:
        UnknownNameError: no variant has an option.
        VariantError: a value of another type.
    """
    names: dict[str, None] = {}
    used = set()
    for name in variants:
        variant = get_variant(name)
        own = [key for key in axes if variant.has_network and key in options_in(variant)]
        used.update(own)
        for values in product(*(axes[key] for key in own)):
            names[_joined(variant.name, dict(zip(own, values, strict=True)))] = None
    for key in axes:
        if key not in used:
            known = {key for name in variants for key in options_in(get_variant(name))}
            raise UnknownNameError("axis (an option of some variant)", key, known)
    return tuple(names)


def _joined(name: str, options: Mapping[str, Any]) -> str:
    """The name of a variant with further options, which it may have in brackets already."""
    words = ",".join(f"{key}={value}" for key, value in options.items())
    if not words:
        return name
    return get_variant(f"{name[:-1]},{words}]" if "[" in name else f"{name}[{words}]").name


def check_builds(variant: Variant) -> None:
    """VariantError if no network can be built with a variant's options; imports torch."""
    import torch

    from variants.build import build

    for scale in SCALES:
        try:
            with torch.device("meta"):
                n = sum(parameter.numel() for parameter in build(variant, scale).parameters())
        except (VariantError, RuntimeError, OverflowError) as error:
            raise VariantError(f"{variant.name}: {error}") from error
        if n > MOST_PARAMETERS:
            raise VariantError(
                f"{variant.name} would have {n:,} parameters, more than {MOST_PARAMETERS:,}"
            )
