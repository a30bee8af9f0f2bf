"""The catalog: named variants, read from ``catalog.yaml`` without importing torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules
from typing import Any

import yaml

from variants.errors import UnknownNameError

SCALES = (2, 4, 8)


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
        known = _backbones()
        if self.backbone not in known:
            raise UnknownNameError("backbone", self.backbone, known)

    @property
    def has_network(self) -> bool:
        return self.upsampler is not None

    def options_at(self, scale: int) -> dict[str, Any]:
        """Backbone options with per-scale values resolved."""
        return {
            key: value[scale] if isinstance(value, Mapping) else value
            for key, value in self.backbone_options.items()
        }

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


@cache
def _backbones() -> tuple[str, ...]:
    """Names by the modules that are there; to import them would load torch."""
    modules = (name.name for name in iter_modules(import_module("variants.backbones").__path__))
    return tuple(name.replace("_", "-") for name in modules if name != "base")


@cache
def _catalog() -> dict[str, Variant]:
    rows = yaml.safe_load(files("variants").joinpath("catalog.yaml").read_text("utf-8"))
    known = {f.name for f in fields(Variant)}
    for name, row in rows.items():
        for key in row:
            if key not in known:
                raise UnknownNameError(f"key in catalog.yaml, variant {name!r}:", key, known)
    return {name: Variant(name=name, **row) for name, row in rows.items()}


def list_models() -> list[str]:
    """Names of all variants, in the catalog's order."""
    return list(_catalog())


def get_variant(name: str) -> Variant:
    """The named variant; :class:`UnknownNameError` with the closest names if there is none."""
    if name not in _catalog():
        raise UnknownNameError("variant", name, _catalog())
    return _catalog()[name]
