"""Which weights a run uses for a variant and scale, by content. Imports no torch."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from harness.errors import ConfigError
from harness.networks.identity import BY_THIS_PROJECT
from harness.system.files import in_home, read_regular, sha256_of
from variants.axes import partition_name
from variants.catalog import SCALES, Variant, get_variant
from variants.errors import WeightsError
from variants.outside import OutsideNetwork
from variants.weights.belongs import Claim, check_belongs, read_claim
from variants.weights.kinds import kind_of, read_metadata
from variants.weights.store import ShippedWeights, find_shipped

TRAINING_FILE = "training.json"
"""Beside weights that this project trained: everything about the training."""
TOLD_OF_TRAINING = ("recipe", "steps", "seed", "training_set", "init", "teacher")
"""What weights say of their training themselves: what makes two trainings alike, and the seed."""
OWN = "own"
RESERVED_LABELS = ("shipped", "none", "any", "external", OWN)
"""What labels mean that are no file's."""


class WeightsFile(BaseModel):
    """Weights that a user brings: ``NAME=FILE``, ``NAME@SCALE=FILE``, or a folder's.

    Attributes:
        folder: that was given in place of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    variant: str
    scale: int | None = None
    path: Annotated[Path, AfterValidator(in_home)]
    folder: Path | None = None

    @property
    def label(self) -> str:
        """What tables call the weights: the file's stem, unless that is the network's own name.

        So are files called that ``train`` writes. If one lies in a folder that was given, its
        label is the folder's name and what the entry of a plan adds to the network's, such as
        ``-seed1``.
        """
        stem = self.path.stem
        if self.folder is None or re.sub(r"-x\d$", "", stem) != self.variant:
            return stem
        name = self.folder.resolve().name
        if not name or _is_reserved(name):
            return stem
        inside = self.path.parent != self.folder and self.path.parent.name.startswith(stem)
        return name + (self.path.parent.name.removeprefix(stem) if inside else "")

    @classmethod
    def read(cls, text: str) -> "tuple[WeightsFile, ...]":
        """What :meth:`parse` reads, or all weights beneath a folder.

        Raises:
            ConfigError: it is no such text, there are none in the folder, or one of them does not
                say which network it is for.
        """
        folder = in_home(Path(text))
        if partition_name(text)[1] or not os.path.isdir(folder):  # noqa: PTH112  of any name
            return (cls.parse(text),)
        paths = sorted(folder.rglob("*.safetensors"))
        if not paths:
            raise ConfigError(f"--weights {text}: no .safetensors file lies in this folder")
        found = []
        for path in paths:
            variant = read_metadata(path).get("variant")
            if variant is None:
                raise ConfigError(
                    f"--weights {text}: {path} does not say which network it is for; name it, "
                    f"--weights NAME={path}"
                )
            found.append(cls(variant=variant, path=path, folder=folder))
        return tuple(found)

    @classmethod
    def parse(cls, text: str) -> "WeightsFile":
        """Read ``NAME=FILE`` or ``NAME@SCALE=FILE``; ConfigError if it is neither."""
        name, equals, path = partition_name(text)
        name, at, scale = name.partition("@")
        if not (equals and name and path):
            raise ConfigError(f"--weights takes NAME=FILE, NAME@SCALE=FILE or DIR, not {text!r}")
        if at and (not scale.isdecimal() or int(scale) not in SCALES):
            raise ConfigError(f"--weights {text}: the scale must be 2, 4 or 8, not {scale!r}")
        return cls(variant=name, scale=int(scale) if at else None, path=Path(path))


@dataclass(frozen=True)
class Weights:
    """The weights of one network.

    Attributes:
        label: what tables call them: ``shipped``, ``none``, or a file's label, made unique.
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


def resolve_weights(
    variant: Variant, scale: int, brought: Iterable[WeightsFile]
) -> tuple[Weights, ...]:
    """The weights to measure a variant with at a scale: the user's files, else the shipped ones.

    Of the files, those for this very scale, else those for all; a file for a network of another
    scale (LapSRN has one network per scale) is passed over where no scale was asked for. Equal
    files count once. Without any, and where none ship, ``NO_WEIGHTS`` alone.

    Labels follow the content: a file with the bytes that ship is ``shipped``, and a label that is
    taken gets the first digits of the file's hash.

    Raises:
        ConfigError: a file cannot be read.
        WeightsError: a file is none of weights, or says that it belongs to another network.
    """
    if not variant.has_network:
        return (NO_NETWORK,)
    if isinstance(variant, OutsideNetwork):
        sha256 = variant.facts(scale).weights
        return (Weights(OWN, sha256, "brought by the network from outside"),)
    files = {_sha256(file.path): file for file in chosen_files(variant, scale, brought)}
    shipped = find_shipped(variant.name, scale)
    if not files:
        return (NO_WEIGHTS if shipped is None else _shipped(shipped),)
    labels = Counter(file.label for file in files.values())
    found = []
    for sha256, file in files.items():
        check_belongs(_claim(file.path), variant, scale, str(file.path))
        if shipped is not None and sha256 == shipped.sha256:
            found.append(_shipped(shipped))
            continue
        taken = labels[file.label] > 1 or _is_reserved(file.label)
        label = f"{file.label}-{sha256[:8]}" if taken else file.label
        origin = read_metadata(file.path).get("origin", f"file {file.path.name}")
        found.append(Weights(label, sha256, origin, file.path))
    return tuple(found)


def chosen_files(variant: Variant, scale: int, brought: Iterable[WeightsFile]) -> list[WeightsFile]:
    """Of the user's files those that count for a variant at a scale, in their order."""
    fitting = [f for f in brought if f.variant == variant.name and _serves(f, variant, scale)]
    return [f for f in fitting if f.scale == scale] or fitting


def why_unused(
    file: WeightsFile,
    variants: Iterable[str],
    scales: Iterable[int],
    brought: Iterable[WeightsFile],
) -> str | None:
    """Why a file would be measured nowhere, in one sentence; None if it is used."""
    name = f"--weights {file.variant}{f'@{file.scale}' if file.scale else ''}={file.path}"
    if file.variant not in variants:
        return f"{name} would do nothing: {file.variant} is not among the variants of this run"
    variant, brought = get_variant(file.variant), list(brought)
    if any(file in chosen_files(variant, scale, brought) for scale in scales):
        return None
    own = file.scale or _claim(file.path).scale
    listed = ", ".join(f"{scale}x" for scale in scales)
    if not any(_serves(file, variant, scale) for scale in scales):
        return f"{name} would do nothing: it is for {own}x, and this run measures {listed}"
    return f"{name} would do nothing: other files are given for each scale of this run ({listed})"


def training_of(path: Path) -> dict[str, Any]:
    """How weights were trained, as they tell it; empty where they do not.

    ``TOLD_OF_TRAINING`` from the file itself, and ``date``, ``wall_time_s`` and ``software`` from
    the ``training.json`` beside it where that is of the same training.
    """
    told = _json_object(read_metadata(path).get("training", ""))
    if not told:
        return {}
    try:
        beside = _json_object(read_regular(path.with_name(TRAINING_FILE)))
    except (OSError, ValueError):
        beside = {}
    if any(beside.get(key) != told.get(key) for key in TOLD_OF_TRAINING):
        beside = {}
    more = ("date", "wall_time_s", "software")
    # Of a network that nobody taught, no teacher is told.
    found = {key: told.get(key) for key in TOLD_OF_TRAINING if key != "teacher" or key in told}
    return found | {key: beside[key] for key in more if key in beside}


def _json_object(text: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_reserved(label: str) -> bool:
    return label.strip().casefold() in RESERVED_LABELS


def _shipped(entry: ShippedWeights) -> Weights:
    recipe = entry.training.get("recipe", "unknown recipe")
    return Weights("shipped", entry.sha256, f"{BY_THIS_PROJECT} ({recipe})", entry.path)


def _serves(file: WeightsFile, variant: Variant, scale: int) -> bool:
    if file.scale is None and variant.per_scale_weights:
        return _claim(file.path).scale in (None, scale)
    return file.scale in (None, scale)


@cache
def _claim(path: Path) -> Claim:
    """Which network a file says that it belongs to, as far as that is known without torch.

    A damaged file says nothing: its jobs fail, each with the reason, and the others go on.
    """
    if kind_of(path) != "mat":
        return read_claim(read_metadata(path), str(path))
    from variants.weights.matconvnet import read_dagnn

    try:
        network = read_dagnn(path)
    except WeightsError:
        return Claim()
    return Claim(scale=network.scale, recursions=network.recursions)


@cache
def _sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise ConfigError(f"cannot read weights {path}: {error.strerror}") from error
