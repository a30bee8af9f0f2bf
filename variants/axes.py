"""Variants with other options than their catalog's: ``ms-lapsrn[width=32,recursions=1]``.

Depth, width and recursions of the backbone, options of the upsampler and the upsampler itself are
axes of compression; such a name is taken wherever a variant's is.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from variants.errors import UnknownNameError, VariantError
from variants.registry import get_backbone, get_upsampler, options_of

if TYPE_CHECKING:
    from variants.catalog import Variant

_FORM = re.compile(r"(?P<base>[^\[\]]+)\[(?P<options>[^\[\]]+)\]")
_OUTSIDE_BRACKETS = r"(?![^\[]*\])"

Options = Mapping[str, Any]


def split_names(text: str) -> tuple[str, ...]:
    """The names in a text like ``a,b[width=32,depth=3]``: split at commas outside brackets."""
    words = re.split("," + _OUTSIDE_BRACKETS, text)
    return tuple(word.strip() for word in words if word.strip())


def partition_name(text: str) -> tuple[str, str, str]:
    """As ``text.partition("=")``, at the first ``=`` outside brackets."""
    name, *rest = re.split("=" + _OUTSIDE_BRACKETS, text, maxsplit=1)
    return (name, "=", rest[0]) if rest else (text, "", "")


def parse_name(name: str) -> tuple[str, dict[str, Any]]:
    """A name with options in brackets to the name before them, and the options.

    Raises:
        VariantError: another form, an option given twice, or a value that cannot be read.
    """
    form = _FORM.fullmatch(name)
    if form is None:
        raise VariantError(
            f"{name!r}: options are given as NAME[OPTION=VALUE,...], such as ms-lapsrn[width=32]"
        )
    options: dict[str, Any] = {}
    for word in form["options"].split(","):
        key, equals, value = (part.strip() for part in word.partition("="))
        if not (key and equals and value):
            raise VariantError(f"{name}: {word.strip()!r} is not OPTION=VALUE, such as width=32")
        if key in options:
            raise VariantError(f"{name}: {key} is given twice")
        try:
            options[key] = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError) as error:
            raise VariantError(f"{name}: {key} has no value that can be read") from error
    return form["base"].strip(), options


def with_options(base: "Variant", options: Options) -> "Variant":
    """A variant with options in its name, sorted; those that it has anyway are left out.

    Raises:
        UnknownNameError, VariantError: see :func:`override`.
    """
    given = options_in(base)
    words = {key: options[key] for key in sorted(options) if given.get(key) != options[key]}
    if not words:
        return base
    name = f"{base.name}[{','.join(f'{key}={value}' for key, value in words.items())}]"
    label = ", ".join([base.label, *(f"{key} {value}" for key, value in words.items())])
    return replace(override(base, words), name=name, label=label, paper_row=None)


def override(variant: "Variant", overrides: Options) -> "Variant":
    """A variant of the same name with other options.

    Args:
        variant: with a network.
        overrides: options of the backbone, ``crop``, ``upsampler`` or options of the upsampler.

    Raises:
        UnknownNameError: there is no such option.
        VariantError: the variant has no network, or a value has another type than the catalog's.
    """
    if not overrides:
        return variant
    if variant.upsampler is None:
        why = "is from outside" if variant.has_network else "has no network"
        raise VariantError(f"{variant.name} {why}, so {', '.join(overrides)} cannot apply")
    fields = {key: overrides[key] for key in ("crop", "upsampler") if key in overrides}
    same = fields.get("upsampler", variant.upsampler) == variant.upsampler
    # Another upsampler starts from its own defaults, not from the options of the replaced one.
    upsampler_options = dict(variant.upsampler_options) if same else {}
    backbone_options = dict(variant.backbone_options)
    for key, value in overrides.items():
        _check_type(variant, key, value)
        if key in fields:
            continue
        if key in backbone_options:
            backbone_options[key] = value
        elif key in upsampler_options:
            upsampler_options[key] = value
        else:
            # Neither is in the catalog's row: the classes know, which takes importing torch.
            in_backbone = _is_option_of_backbone(variant, str(fields.get("upsampler", "")), key)
            (backbone_options if in_backbone else upsampler_options)[key] = value
    return replace(
        variant, backbone_options=backbone_options, upsampler_options=upsampler_options, **fields
    )


def options_in(variant: "Variant") -> dict[str, Any]:
    """What the catalog says of a variant, as options."""
    own = {"crop": variant.crop, "upsampler": variant.upsampler} if variant.upsampler else {}
    return {**own, **variant.backbone_options, **variant.upsampler_options}


def _check_type(variant: "Variant", key: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise VariantError(f"{variant.name}: {key} takes one number or word, not {value!r:.100}")
    known = options_in(variant).get(key)
    known = next(iter(known.values())) if isinstance(known, Mapping) else known
    if isinstance(known, float) and isinstance(value, int):
        return
    if known is not None and type(known) is not type(value):
        kind = {int: "a whole number", float: "a number", str: "a word"}[type(known)]
        raise VariantError(f"{variant.name}: {key} must be {kind}, not {value!r:.100}")


def _is_option_of_backbone(variant: "Variant", upsampler: str, key: str) -> bool:
    backbone = options_of(get_backbone(variant.backbone))
    further = options_of(get_upsampler(upsampler or str(variant.upsampler)))
    if key not in backbone and key not in further:
        known = {*backbone, "crop", "upsampler", *further}
        raise UnknownNameError(f"option of {variant.name}:", key, known)
    return key in backbone
