"""Distillation: the trained networks that another one learns from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.errors import ConfigError
from harness.system.files import sha256_of
from harness.training.recipe import Distillation, is_there
from variants.backbones.base import SRModel
from variants.build import build
from variants.catalog import SCALES, Variant, get_variant, known_models
from variants.outside import OutsideNetwork
from variants.weights.foreign import load_any, read_any
from variants.weights.store import find_shipped


@dataclass(frozen=True)
class Teacher:
    """Networks that have learnt, in evaluation mode and without gradients.

    Attributes:
        variant: which network they are.
        networks: by scale; one network may serve several.
        sha256: by scale, of the weights.
        weight: of the loss to their outputs; the rest is of that to the truth.
    """

    variant: str
    networks: dict[int, SRModel]
    sha256: dict[int, str]
    weight: float

    def to(self, device: torch.device) -> None:
        """Move them."""
        for network in self.networks.values():
            network.to(device)

    def told(self) -> dict[str, Any]:
        """What the weights that they taught say of them."""
        digests = dict.fromkeys(self.sha256[scale] for scale in sorted(self.sha256))
        return {"variant": self.variant, "sha256": list(digests), "weight": self.weight}


@dataclass(frozen=True)
class _Source:
    """Where a teacher comes from; ``path`` is None of one that is given by its name."""

    variant: Variant
    path: Path | None = None
    scale: int | None = None

    def serves(self, scale: int) -> bool:
        one_scale = self.path is not None and self.variant.per_scale_weights
        return self.variant.serves(scale) and (not one_scale or self.scale in (None, scale))


def load_teacher(distillation: Distillation, scales: Iterable[int]) -> Teacher:
    """The teacher that a recipe names.

    Args:
        distillation: of the recipe.
        scales: that are trained; the teacher has to serve them all.

    Raises:
        ConfigError: neither a file nor a variant; a file that does not say which network it is
            for; a network without weights, for other scales, or not for luma.
        WeightsError: the weights cannot be read, or are of another network.
        VariantError: the network cannot be built.
    """
    source, wanted = _source_of(distillation), sorted(scales)
    variant = source.variant
    if lacking := [scale for scale in wanted if not source.serves(scale)]:
        raise ConfigError(
            f"teacher {distillation.teacher} is not for {_listed(lacking)}, and this training is "
            f"for {_listed(wanted)}: take another teacher, or a recipe with batches for the "
            "teacher's scales alone"
        )
    # One network that serves every scale is built for the largest, and runs to any.
    apart = variant.per_scale_weights or variant.brings_weights
    built_for = {scale: scale if apart else max(SCALES) for scale in wanted}
    built = {scale: _load(source, scale) for scale in dict.fromkeys(built_for.values())}
    return Teacher(
        variant.name,
        {scale: built[built_for[scale]][0] for scale in wanted},
        {scale: built[built_for[scale]][1] for scale in wanted},
        distillation.weight,
    )


def teacher_file(distillation: Distillation) -> Path | None:
    """The file that a recipe's teacher is; None of one that is named by its variant."""
    teacher = distillation.teacher
    # A folder may well be called like a variant; a file that is called so is meant.
    known = _is_known(teacher) and Path(teacher).is_dir()
    return Path(teacher) if is_there(teacher) and not known else None


def _is_known(teacher: str) -> bool:
    return teacher in known_models() or "[" in teacher


def _source_of(distillation: Distillation) -> _Source:
    teacher, path = distillation.teacher, teacher_file(distillation)
    if path is not None:
        content = read_any(path)
        name = distillation.network or content.metadata.get("variant")
        if name is None:
            raise ConfigError(
                f"teacher {teacher} does not say which network it is for: name that beside it, "
                "such as `network: ms-lapsrn`"
            )
        found = _Source(get_variant(name), path, content.claim.scale)
    elif _is_known(teacher):
        found = _Source(get_variant(teacher))
    else:
        raise ConfigError(f"teacher {teacher}: there is no such file, and no such variant")
    if not found.variant.has_network:
        raise ConfigError(f"teacher {teacher} has no network to learn from")
    if found.path is not None and found.variant.brings_weights:
        raise ConfigError(f"teacher {teacher}: {found.variant.name} brings its own weights")
    return found


def _load(source: _Source, scale: int) -> tuple[SRModel, str]:
    """A network and the SHA-256 of its weights."""
    variant, path = source.variant, source.path
    network = build(variant, scale)
    if network.channels != 1:
        raise ConfigError(f"teacher {variant.name} is for RGB, and luma is what is trained")
    if isinstance(variant, OutsideNetwork):
        digest = variant.facts(scale).weights
    else:
        shipped = find_shipped(variant.name, scale) if path is None else None
        path = path if shipped is None else shipped.path
        if path is None:
            raise ConfigError(
                f"teacher {variant.name} has no weights that ship for {scale}x: give a file of "
                "weights as the teacher"
            )
        load_any(network, path, variant, scale)
        digest = sha256_of(path)
    return network.eval().requires_grad_(False), digest


def _listed(scales: Iterable[int]) -> str:
    return ", ".join(f"{scale}x" for scale in scales)
