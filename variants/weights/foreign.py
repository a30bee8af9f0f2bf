"""Weights of any known format: into a network, or into our checkpoint format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from variants.backbones.base import SRModel
from variants.build import build
from variants.catalog import SCALES, Variant
from variants.errors import WeightsError
from variants.weights import matconvnet
from variants.weights.belongs import Claim, check_belongs, read_claim
from variants.weights.files import fit, read_weights, save_weights, sha256_of
from variants.weights.kinds import FORMATS, kind_of
from variants.weights.pickled import read_torch

WRAPPERS = ("module.", "_orig_mod.", "model.", "network.", "net.", "generator.")


@dataclass(frozen=True)
class Content:
    """What a weights file holds.

    Attributes:
        tensors: by the names of the network, as stored.
        claim: which network they belong to, as far as the file says.
        metadata: strings; empty for formats without.
    """

    tensors: Mapping[str, Tensor]
    claim: Claim
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Loaded:
    """What was loaded: where it comes from, and notes for people."""

    origin: str
    notes: tuple[str, ...]


def read_any(path: Path) -> Content:
    """Read a weights file of any known format, which its content decides, not its name.

    Raises:
        WeightsError: unreadable, damaged, no weights, or untrusted (it would run code).
    """
    kind = kind_of(path)
    if kind == "mat":
        network = matconvnet.read_dagnn(path)
        claim = Claim(scale=network.scale, recursions=network.recursions)
        return Content(matconvnet.to_state_dict(network.params, path), claim)
    tensors, metadata = read_weights(path) if kind == "safetensors" else read_torch(path)
    return Content(_without_prefixes(tensors), read_claim(metadata, str(path)), metadata)


def _without_prefixes(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Names as a network has them, without what wrappers (DataParallel, compile) put in front."""
    while prefix := next(
        (p for p in WRAPPERS if tensors and all(name.startswith(p) for name in tensors)), None
    ):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def load_any(model: SRModel, path: Path, variant: Variant, scale: int) -> Loaded:
    """Load weights of any known format into a model.

    Raises:
        WeightsError: as :func:`read_any`; or of another network, or not fitting this one: the
            message names the tensors and shapes that differ.
    """
    return _load(model, read_any(path), path, variant, scale)


def _load(model: SRModel, content: Content, path: Path, variant: Variant, scale: int) -> Loaded:
    check_belongs(content.claim, variant, scale, str(path))
    notes = fit(model, content.tensors, str(path))
    return Loaded(content.metadata.get("origin", path.name), tuple(notes))


def import_weights(path: Path, variant: Variant, scale: int | None, out: Path) -> dict[str, str]:
    """Convert a file into a checkpoint of ours.

    Args:
        path: a MatConvNet DagNN (``.mat``), a torch state dict (``.pth``, ``.pt``) or safetensors.
        variant: the network that the weights are for.
        scale: for networks with one set of weights per scale, which; None takes the one that the
            file says, or tries all. Networks that serve all scales ignore it.
        out: the ``.safetensors`` file to write.

    Returns:
        What was imported: ``variant``, ``scales``, ``origin``, ``notes``.

    Raises:
        WeightsError: as :func:`load_any`.
    """
    if not variant.has_network:
        raise WeightsError(f"{variant.name} has no network, so no weights can be imported for it")
    if out.suffix != ".safetensors":
        raise WeightsError(f"the output must end in .safetensors, not {out.name!r}")
    content = read_any(path)
    for candidate in _candidates(variant, scale, content.claim):
        model = build(variant, candidate)
        try:
            loaded = _load(model, content, path, variant, candidate)
        except WeightsError as error:
            problem = error
            continue
        origin = f"imported from {path.name}, SHA-256 {sha256_of(path)}"
        if earlier := content.metadata.get("origin"):
            origin += f": {earlier}"
        save_weights(model, out, variant, candidate, {**content.metadata, "origin": origin})
        scales = str(candidate) if variant.per_scale_weights else "2,4,8"
        notes = list(loaded.notes)
        if scale is not None and not variant.per_scale_weights:
            notes.append(f"{variant.name} is one network for all scales, {scale}x chooses nothing")
        return {
            "variant": variant.name,
            "scales": scales,
            "origin": origin,
            "notes": "; ".join(notes),
        }
    raise problem


def _candidates(variant: Variant, asked: int | None, claim: Claim) -> tuple[int, ...]:
    if not variant.per_scale_weights:
        return (max(SCALES),)
    # check_belongs refuses a scale that differs from the file's.
    known = asked or claim.scale
    return SCALES if known is None else (known,)


__all__ = ["FORMATS", "Content", "Loaded", "import_weights", "load_any", "read_any"]
