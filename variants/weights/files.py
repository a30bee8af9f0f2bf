"""Checkpoint files: safetensors with metadata. Nothing here ever unpickles code."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from variants.backbones.base import SRModel
from variants.catalog import Variant
from variants.errors import WeightsError

FORMAT = "lapsrn-harness/1"


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_weights(
    model: SRModel, path: Path, variant: Variant, scale: int, metadata: Mapping[str, str]
) -> None:
    """Write a model's weights and what they belong to, atomically.

    Args:
        model: its state dict is stored as contiguous tensors, dtypes kept.
        path: the ``.safetensors`` file to write or replace.
        variant: stored with its crop, so that a reader can refuse a network that differs.
        scale: the scale the model was built for.
        metadata: further strings; ``origin`` says where the weights come from.
    """
    from safetensors.torch import save

    header = {
        **metadata,
        "format": FORMAT,
        "variant": variant.name,
        "scale": str(scale),
        "architecture": json.dumps(variant.architecture(scale), sort_keys=True),
    }
    tensors = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(save(tensors, metadata=header))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file: (tensors, metadata).

    Raises:
        WeightsError: the file is missing, truncated or no safetensors file.
    """
    from safetensors import safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    except FileNotFoundError:
        raise WeightsError(f"no weights file at {path}") from None
    except Exception as error:  # safetensors raises its own, untyped, error class.
        raise WeightsError(f"{path} is not a readable safetensors file: {error}") from error


def fit(model: SRModel, tensors: Mapping[str, Tensor], source: str) -> None:
    """Load tensors into a model, which they must match name by name and shape by shape.

    Raises:
        WeightsError: naming every tensor that is missing, left over or of another shape.
    """
    own = model.state_dict()
    problems = [f"missing {name} {tuple(own[name].shape)}" for name in own if name not in tensors]
    for name, value in tensors.items():
        if name not in own:
            problems.append(f"unexpected {name} {tuple(value.shape)}")
        elif value.shape != own[name].shape:
            problems.append(
                f"{name} is {tuple(value.shape)} where the network has {tuple(own[name].shape)}"
            )
        elif not value.isfinite().all():
            problems.append(f"{name} has values that are not finite")
    if problems:
        raise WeightsError(f"{source} does not fit this network: {'; '.join(problems)}")
    model.load_state_dict(dict(tensors))


def load_weights(model: SRModel, path: Path, variant: Variant, scale: int) -> dict[str, str]:
    """Load a checkpoint file into a model and return its metadata.

    Raises:
        WeightsError: unreadable, of another architecture (recursions and crop change the function
            though not the shapes), or its tensors do not fit.
    """
    tensors, metadata = read_weights(path)
    if "architecture" in metadata:
        stored = json.loads(metadata["architecture"])
        wanted = json.loads(json.dumps(variant.architecture(scale)))
        if stored != wanted:
            odds = "; ".join(
                f"{key}: {stored.get(key)} in the file, {wanted[key]} in the network"
                for key in wanted
                if stored.get(key) != wanted[key]
            )
            raise WeightsError(
                f"{path} holds weights of another network than {variant.name} at {scale}x: {odds}"
            )
    fit(model, tensors, str(path))
    return metadata
