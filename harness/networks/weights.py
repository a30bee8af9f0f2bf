"""Which weights a run uses for a variant and scale, by content. Imports no torch."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.jobs.config import WeightsFile
from variants.catalog import Variant
from variants.weights.store import find_shipped

LARGEST_HEADER_BYTES = 100_000_000


@dataclass(frozen=True)
class Weights:
    """The weights of one network.

    Attributes:
        label: what tables call them: ``shipped``, ``none``, or a file's stem.
        sha256: of the file's bytes, None without a file.
        origin: for people.
        path: where the file lies, None without one.
    """

    label: str
    sha256: str | None = None
    origin: str = ""
    path: Path | None = None

    def identity(self) -> dict[str, Any]:
        """What a job's spec holds of them."""
        return {"label": self.label, "sha256": self.sha256, "origin": self.origin}


NO_WEIGHTS = Weights(label="none", origin="no weights yet")
NO_NETWORK = Weights(label="none", origin="needs no weights")


def resolve_weights(variant: Variant, scale: int, brought: Iterable[WeightsFile]) -> Weights:
    """The user's file for this variant and scale, else the shipped ones, else ``NO_WEIGHTS``.

    A file for a network of another scale (LapSRN has one network per scale) is passed over where
    no scale was asked for.

    Raises:
        ConfigError: a file cannot be read.
    """
    if not variant.has_network:
        return NO_NETWORK
    fitting = [f for f in brought if f.variant == variant.name and _serves(f, variant, scale)]
    own_scale = [f for f in fitting if f.scale == scale]
    # A scale's own file wins over one for all scales, and the later of two options wins.
    for file in (own_scale or fitting)[-1:]:
        return Weights(
            label=file.path.stem,
            sha256=_sha256(file.path),
            origin=_metadata(file.path).get("origin", f"file {file.path.name}"),
            path=file.path,
        )
    shipped = find_shipped(variant.name, scale)
    if shipped is None:
        return NO_WEIGHTS
    recipe = shipped.training.get("recipe", "unknown recipe")
    return Weights("shipped", shipped.sha256, f"trained by this project ({recipe})", shipped.path)


def _serves(file: WeightsFile, variant: Variant, scale: int) -> bool:
    if file.scale is None and variant.per_scale_weights:
        return file_scale(file.path) in (None, scale)
    return file.scale in (None, scale)


def file_scale(path: Path) -> int | None:
    """The scale that a file says its network is for, None if it does not."""
    if path.suffix == ".mat":
        from variants.weights.matconvnet import read_dagnn

        return read_dagnn(path).scale
    scale = _metadata(path).get("scale", "")
    return int(scale) if scale.isdecimal() else None


@cache
def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"cannot read weights {path}: {error.strerror}") from error


@cache
def _metadata(path: Path) -> dict[str, str]:
    """A safetensors file's metadata, read from its header without loading torch.

    Empty for other formats and for damaged files, which fail later with a reason of their own.
    """
    if path.suffix != ".safetensors":
        return {}
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > LARGEST_HEADER_BYTES:
                return {}
            metadata = json.loads(file.read(size)).get("__metadata__", {})
            return {str(key): str(value) for key, value in metadata.items()}
    except (OSError, ValueError, AttributeError):
        return {}
