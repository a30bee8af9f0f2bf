"""The catalogs: named variants, read from YAML files without importing torch.

``catalog.yaml`` is always in use. Another one that ships, ``catalogs/zoo.yaml``, or a user's own
file joins it by :func:`use_catalogs`: then "all variants" are those of both. Names of every catalog
that ships are known in any case.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from variants.axes import parse_name, with_options
from variants.errors import UnknownNameError, VariantError
from variants.registry import BACKBONES, UPSAMPLERS

SCALES = (2, 4, 8)
MOST_VALUES = 20_000
"""In a catalog: ample, and too few for aliases of aliases that would fill the memory."""

IN_USE = "HARNESS_CATALOGS"
"""Environment variable with the catalogs in use beside the first, names and paths as in PATH.

In the environment, so that every process that a run starts knows the same variants.
"""


@dataclass(frozen=True)
class Variant:
    """A named network: a backbone, an upsampler and their options.

    Attributes:
        name: what users type.
        label: what reports print.
        backbone: registered name; the module in ``variants/backbones/`` has the same.
        source: where the definition comes from.
        backbone_options: depth, width, recursions; a mapping under ``depth`` goes by scale.
        upsampler: registered name, None without a network (plain interpolation).
        upsampler_options: passed to the upsampler.
        crop: cropping convention, ``"last"`` (the authors') or ``"first"`` (torch's).
        paper_row: the row of the paper's Table 1 to compare with, if any.
        per_scale_weights: whether each scale has a network of its own (LapSRN) or one serves all
            (MS-LapSRN).
    """

    name: str
    label: str
    backbone: str
    source: str
    backbone_options: Mapping[str, Any] = field(default_factory=dict)
    upsampler: str | None = None
    upsampler_options: Mapping[str, Any] = field(default_factory=dict)
    crop: str = "last"
    paper_row: str | None = None
    per_scale_weights: bool = False

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES.known():
            raise UnknownNameError("backbone", self.backbone, BACKBONES.known())
        if not isinstance(self.label, str) or not self.label:
            raise VariantError(f"a label is text, not {self.label!r:.100}")

    @property
    def has_network(self) -> bool:
        return self.upsampler is not None

    @property
    def brings_weights(self) -> bool:
        """Whether it comes with its weights, so that no files of weights belong to it."""
        return False

    def serves(self, scale: int) -> bool:
        """Whether it upscales by a factor: a pyramid doubles per level, interpolation takes any."""
        return scale in SCALES if self.has_network else scale > 1

    def scales_in_words(self) -> str:
        """Which factors it upscales by."""
        return "2x, 4x and 8x" if self.has_network else "any scale"

    def contents(self) -> dict[str, str]:
        """Of what did not ship with this project: the SHA-256 of the file that declares it."""
        found = {
            "backbone": BACKBONES.content(self.backbone),
            "upsampler": UPSAMPLERS.content(self.upsampler or ""),
        }
        return {what: sha256 for what, sha256 in found.items() if sha256 is not None}

    def layout(self, scale: int) -> dict[str, str]:
        """``memory_format``, where the network cannot have the usual one."""
        return {}

    def options_at(self, scale: int) -> dict[str, Any]:
        """Backbone options with per-scale values resolved."""
        options = {}
        for key, value in self.backbone_options.items():
            if isinstance(value, Mapping) and scale not in value:
                raise VariantError(f"{self.name}: {key} has no value for {scale}x")
            options[key] = value[scale] if isinstance(value, Mapping) else value
        return options

    def architecture(self, scale: int) -> dict[str, Any]:
        """What determines the computed function, weights aside: plain data, for ids and files."""
        return {
            "backbone": self.backbone,
            "backbone_options": self.options_at(scale),
            "upsampler": self.upsampler,
            "upsampler_options": dict(self.upsampler_options),
            "crop": self.crop,
        }

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def list_catalogs() -> list[str]:
    """Names of the catalogs that ship beside the one that is always in use."""
    folder = files("variants") / "catalogs"
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def catalogs_in_use() -> tuple[str, ...]:
    """Names and absolute paths of the catalogs in use beside the first one."""
    return tuple(filter(None, os.environ.get(IN_USE, "").split(os.pathsep)))


def use_catalogs(catalogs: Iterable[str | Path]) -> None:
    """Take these catalogs into use, in this process and in those that it starts.

    Args:
        catalogs: names of :func:`list_catalogs`, or YAML files like ``catalog.yaml``; beside those
            that are in use already.

    Raises:
        UnknownNameError: neither a name nor a file.
        VariantError: a file cannot be read, is no catalog, or names a variant that is known.
    """
    chosen = dict.fromkeys(catalogs_in_use())
    for catalog in map(str, catalogs):
        if catalog in list_catalogs():
            chosen[catalog] = None
        elif catalog.lower().endswith((".yaml", ".yml")) or Path(catalog).is_file():
            chosen[os.path.abspath(catalog)] = None  # noqa: PTH100  as typed, links unresolved
        else:
            raise UnknownNameError("catalog (a YAML file?)", catalog, list_catalogs())
    if path := next((name for name in chosen if os.pathsep in name), None):
        raise VariantError(f"catalog {path}: a path with {os.pathsep!r} in it cannot be used")
    _known(tuple(chosen))  # What is wrong is said before anything is changed.
    if chosen:
        os.environ[IN_USE] = os.pathsep.join(chosen)


def list_models() -> list[str]:
    """Names of all variants of the catalogs in use, in the catalogs' order, and registered ones."""
    in_use = ("", *catalogs_in_use())
    found = [name for name, (catalog, _) in _known(in_use[1:]).items() if catalog in in_use]
    return found + [name for name in _REGISTERED if name not in found]


def known_models() -> list[str]:
    """Names of all variants of every catalog that ships or is in use, and registered ones."""
    return list(_all_known())


def get_variant(name: str) -> Variant:
    """The named variant, also with options in brackets: ``ms-lapsrn[width=32]``.

    Raises:
        UnknownNameError: there is none; with the closest names.
        VariantError: brackets of another form, see :mod:`variants.axes`.
    """
    known = _all_known()
    if name not in known:
        if "[" in name:
            base, options = parse_name(name)
            return with_options(get_variant(base), options)
        raise UnknownNameError("variant", name, known)
    return known[name]


def register_variant(variant: Variant) -> Variant:
    """Add a variant to those in use, in this process: what a plug-in does.

    Raises:
        VariantError: the name is taken or cannot be one.
        UnknownNameError: no such upsampler.
    """
    if variant.name in _all_known():
        raise VariantError(f"variant {variant.name!r} is there already; choose another name")
    check_name(variant.name, "a plug-in's variant")
    if variant.upsampler is not None and variant.upsampler not in UPSAMPLERS.known():
        raise UnknownNameError("upsampler", variant.upsampler, UPSAMPLERS.known())
    _REGISTERED[variant.name] = variant
    return variant


def forget_variant(name: str) -> None:
    """Take back :func:`register_variant`, so that the name is free."""
    _REGISTERED.pop(name, None)


_REGISTERED: dict[str, Variant] = {}


def _all_known() -> dict[str, Variant]:
    found = {name: variant for name, (_, variant) in _known(catalogs_in_use()).items()}
    return found | _REGISTERED


@cache
def _known(brought: tuple[str, ...]) -> dict[str, tuple[str, Variant]]:
    """Every variant by its name, and the catalog that it is from; the first one's name is empty."""
    found: dict[str, tuple[str, Variant]] = {}
    shipped = {name: files("variants") / "catalogs" / f"{name}.yaml" for name in list_catalogs()}
    sources = {"": files("variants") / "catalog.yaml", **shipped}
    for path in brought:
        sources.setdefault(path, Path(path))
    for catalog, source in sources.items():
        own = catalog == "" or catalog in shipped
        where = source.name if own else str(source)
        try:
            rows = yaml.safe_load(source.read_text("utf-8-sig"))
            _check_size(rows, {})
        except OSError as error:
            raise VariantError(f"cannot read catalog {where}: {error.strerror}") from error
        except Exception as error:  # PyYAML raises many types on values that their tags forbid.
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise VariantError(f"catalog {where} cannot be read: {reason}") from error
        for name, row in _rows(rows, where).items():
            if name in found:
                raise VariantError(
                    f"catalog {where}: variant {name!r} is already in "
                    f"{found[name][0] or 'catalog.yaml'}; give it another name"
                )
            found[name] = catalog, row
    return found


def _check_size(value: Any, known: dict[int, int]) -> int:
    """How many values there are, those that aliases repeat each time; ValueError for very many.

    Args:
        value: of YAML, where an alias is the same object again.
        known: counts of objects by their id.
    """
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = 1  # For one that holds itself.
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] += sum(_check_size(each, known) for each in inner)
    if known[id(value)] > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES:,} values")
    return known[id(value)]


def _rows(rows: Any, where: str) -> dict[str, Variant]:
    """The variants of a catalog's content; VariantError where it is none."""
    if not isinstance(rows, dict) or not rows:
        raise VariantError(f"catalog {where} must map names of variants to what they are")
    return {name: _variant(name, row, where) for name, row in rows.items()}


_TYPES: Mapping[str, tuple[type, ...]] = {
    "label": (str,),
    "backbone": (str,),
    "source": (str,),
    "backbone_options": (dict,),
    "upsampler": (str,),
    "upsampler_options": (dict,),
    "crop": (str,),
    "paper_row": (str,),
    "per_scale_weights": (bool,),
}
_NEEDED = ("label", "backbone", "source")


def check_name(name: Any, of: str) -> None:
    usable = isinstance(name, str) and name.isprintable() and name
    if not usable or set(name) & set("@=,[]/\\ "):
        raise VariantError(f"{of}: a name is text without blanks or any of @ = , [ ] / and \\")


def _variant(name: Any, row: Any, where: str) -> Variant:
    of = f"catalog {where}, variant {name!r}"
    check_name(name, of)
    if not isinstance(row, dict):
        raise VariantError(f"{of} must be a mapping")
    for key, value in row.items():
        if key not in _TYPES:
            raise UnknownNameError(f"key in {of}:", str(key), _TYPES)
        if not isinstance(value, _TYPES[key]):
            wanted = {str: "text", dict: "a mapping", bool: "true or false"}[_TYPES[key][0]]
            raise VariantError(f"{of}: {key} must be {wanted}, not {value!r:.100}")
    if missing := [key for key in _NEEDED if key not in row]:
        raise VariantError(f"{of}: {', '.join(missing)} must be given")
    for key in ("backbone_options", "upsampler_options"):
        if not all(isinstance(option, str) for option in row.get(key, {})):
            raise VariantError(f"{of}: the names of {key} must be text")
    try:
        upsampler = row.get("upsampler")
        if upsampler is not None and upsampler not in UPSAMPLERS.known():
            raise UnknownNameError("upsampler", upsampler, UPSAMPLERS.known())
        return Variant(name=name, **row)
    except VariantError as error:
        raise VariantError(f"{of}: {error}") from error
