"""Import weights of other programs into our checkpoint format."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from variants.backbones.base import SRModel
from variants.catalog import Variant
from variants.errors import WeightsError
from variants.factory import build
from variants.weights import matconvnet
from variants.weights.files import fit, load_weights, read_weights, save_weights, sha256_of

FORMATS = (".mat", ".pth", ".pt", ".safetensors")


def import_weights(path: Path, variant: Variant, scale: int | None, out: Path) -> dict[str, str]:
    """Convert a foreign file into a checkpoint of ours.

    Args:
        path: a MatConvNet DagNN (``.mat``), a torch state dict (``.pth``, ``.pt``) or safetensors.
        variant: the network that the weights are for.
        scale: for networks with one set of weights per scale, which; None reads it from a
            ``.mat`` or tries all for the others. Networks that serve all scales ignore it.
        out: the ``.safetensors`` file to write.

    Returns:
        What was imported: ``variant``, ``scales``, ``origin``.

    Raises:
        WeightsError: unreadable, untrusted (it would run code), or not of this network; the
            message names the tensors and shapes at odds.
    """
    if not variant.has_network:
        raise WeightsError(f"{variant.name} has no network, so no weights can be imported for it")
    if out.suffix != ".safetensors":
        raise WeightsError(f"the output must end in .safetensors, not {out.name!r}")
    tensors, scale_in_file = _read(path, variant)
    for candidate in _candidates(variant, scale, scale_in_file):
        model = build(variant, candidate)
        try:
            fit(model, tensors, str(path))
        except WeightsError as error:
            problem = error
            continue
        origin = f"imported from {path.name}, SHA-256 {sha256_of(path)}"
        save_weights(model, out, variant, candidate, {"origin": origin})
        scales = str(candidate) if variant.per_scale_weights else "2,4,8"
        return {"variant": variant.name, "scales": scales, "origin": origin}
    raise problem


def load_any(model: SRModel, path: Path, variant: Variant, scale: int) -> str:
    """Load weights of any known format into a model; returns where they come from.

    Raises:
        WeightsError: as :func:`import_weights`.
    """
    if path.suffix == ".safetensors":
        metadata = load_weights(model, path, variant, scale)
        return metadata.get("origin", path.name)
    tensors, _ = _read(path, variant)
    fit(model, tensors, str(path))
    return path.name


def _candidates(variant: Variant, asked: int | None, in_file: int | None) -> tuple[int, ...]:
    if not variant.per_scale_weights:
        return (8,)
    if asked is not None and in_file is not None and asked != in_file:
        raise WeightsError(f"the file holds a {in_file}x network, not {asked}x")
    known = in_file if asked is None else asked
    return (2, 4, 8) if known is None else (known,)


def _read(path: Path, variant: Variant) -> tuple[Mapping[str, Tensor], int | None]:
    suffix = path.suffix.lower()
    if suffix == ".mat":
        network = matconvnet.read_dagnn(path)
        ours = variant.backbone_options.get("recursions")
        # Recursions leave no trace in the weights, so the shapes would fit all the same.
        if None not in (network.recursions, ours) and network.recursions != ours:
            raise WeightsError(
                f"{path} holds a network of {network.recursions} recursions where {variant.name} "
                f"has {ours}; choose the variant with {network.recursions}"
            )
        return matconvnet.to_state_dict(network.params, path), network.scale
    if suffix == ".safetensors":
        return read_weights(path)[0], None
    if suffix in (".pth", ".pt"):
        return _state_dict(path), None
    raise WeightsError(f"{path}: unknown format {suffix!r}; known are {', '.join(FORMATS)}")


def _state_dict(path: Path) -> Mapping[str, Tensor]:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise WeightsError(f"no weights file at {path}") from None
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} was not loaded: it is damaged, or holds more than tensors and could run code "
            "when loaded. Save a plain state dict: torch.save(model.state_dict(), path)"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is not a readable torch file: {error}") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    ):
        raise WeightsError(f"{path} holds no state dict (a mapping of names to tensors)")
    return content


__all__ = ["FORMATS", "import_weights", "load_any"]
