"""The weights that ship inside this package, found through their manifest. Imports no torch."""

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variants.catalog import Variant
from variants.errors import WeightsError

if TYPE_CHECKING:
    from variants.backbones.base import SRModel

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class ShippedWeights:
    """One entry of the manifest.

    Attributes:
        variant: the variant's name.
        scales: the scales that the file serves.
        file: name inside ``variants/weights/``.
        sha256: of the file's bytes, in hex.
        training: how it was trained: recipe, steps, seeds, data, git commit, validation curve.
    """

    variant: str
    scales: tuple[int, ...]
    file: str
    sha256: str
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        # The manifest names plain files; anything else must not leave this folder.
        return weights_dir() / Path(self.file).name


def weights_dir() -> Path:
    """The folder with the shipped weights."""
    return Path(str(files("variants") / "weights"))


@cache
def shipped_weights() -> tuple[ShippedWeights, ...]:
    """All entries of the manifest."""
    path = weights_dir() / MANIFEST
    if not path.is_file():
        return ()
    rows = json.loads(path.read_text("utf-8"))["weights"]
    return tuple(ShippedWeights(**{**row, "scales": tuple(row["scales"])}) for row in rows)


def find_shipped(variant: str, scale: int) -> ShippedWeights | None:
    """The shipped weights of a variant at a scale, or None."""
    for entry in shipped_weights():
        if entry.variant == variant and scale in entry.scales:
            return entry
    return None


def load_shipped(model: "SRModel", variant: Variant, scale: int) -> ShippedWeights:
    """Load shipped weights, verified by SHA-256; WeightsError if none ship or they differ."""
    from variants.weights.files import load_weights, sha256_of

    entry = find_shipped(variant.name, scale)
    if entry is None:
        raise WeightsError(
            f"no weights ship for {variant.name} at {scale}x yet; train them with "
            f"`python -m harness train --variant {variant.name}` or pass a file of your own"
        )
    if sha256_of(entry.path) != entry.sha256:
        raise WeightsError(f"{entry.path} differs from its manifest; reinstall the package")
    load_weights(model, entry.path, variant, scale)
    return entry
