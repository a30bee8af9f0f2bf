"""The catalog: named variants, read from ``catalog.yaml`` without importing torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from variants.errors import UnknownNameError, VariantError

BACKBONES = ("bicubic", "lapsrn", "ms-lapsrn")
NO_NETWORK = "bicubic"


@dataclass(frozen=True)
class Variant:
    """A named network: a backbone, an upsampler and their options.

    Attributes:
        name: what users type.
        label: what reports print.
        backbone: one of ``BACKBONES``.
        source: where the definition comes from.
        backbone_options: depth, width, recursions; a mapping under ``depth`` goes by scale.
        upsampler: registered name, None without a network.
        upsampler_options: passed to the upsampler.
        crop: cropping convention, ``"last"`` (the authors') or ``"first"`` (torch's).
        paper_row: the row of the paper's Table 1 to compare with, if any.
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

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise UnknownNameError("backbone", self.backbone, BACKBONES)
        if (self.upsampler is None) != (self.backbone == NO_NETWORK):
            raise VariantError(f"variant {self.name!r}: a network needs an upsampler, bicubic none")

    @property
    def has_network(self) -> bool:
        return self.backbone != NO_NETWORK

    @property
    def per_scale_weights(self) -> bool:
        """Whether each scale has a network of its own (LapSRN) or one serves all (MS-LapSRN)."""
        return self.backbone == "lapsrn"

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
