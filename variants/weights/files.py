"""Checkpoint files: safetensors with metadata. Nothing here ever unpickles code."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from variants.backbones.base import SRModel
from variants.catalog import Variant
from variants.errors import WeightsError
from variants.weights.belongs import check_belongs, read_claim, record
from variants.weights.kinds import kind_of

DIGEST = "data_sha256"
"""Metadata key: hex SHA-256 of all bytes behind the header, since the format has no checksum."""

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
"""What weights may be stored as; a network holds float32."""

MOST_PROBLEMS = 8


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_weights(
    model: SRModel, path: Path, variant: Variant, scale: int, metadata: Mapping[str, str]
) -> None:
    """Write a model's weights and what they belong to, atomically; equal content, equal bytes.

    Args:
        model: its state dict is stored as contiguous tensors, dtypes kept.
        path: the ``.safetensors`` file to write or replace.
        variant: stored with its crop, so that a reader can refuse a network that differs.
        scale: the scale the model was built for.
        metadata: further strings; ``origin`` says where the weights come from.

    Raises:
        OSError: the folder is not writable or the disk is full; an old file is then intact.
    """
    from safetensors.torch import save

    tensors = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    content = _with_metadata(save(tensors), {**metadata, **record(variant, scale)})
    temporary = path.with_name(f".harness-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _with_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Put sorted metadata into a safetensors file; safetensors itself writes them in any order."""
    size = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    header["__metadata__"] = {**metadata, DIGEST: hashlib.sha256(data).hexdigest()}
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file: (tensors, metadata).

    Raises:
        WeightsError: the file is missing, truncated, damaged or no safetensors file.
    """
    from safetensors import safe_open

    kind_of(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = dict(file.metadata() or {})
    except MemoryError:
        raise
    except Exception as error:  # safetensors raises its own, untyped, error class.
        raise WeightsError(f"{path} is not a readable safetensors file: {error}") from error
    if metadata.get(DIGEST, digest := _data_digest(path)) != digest:
        raise WeightsError(
            f"{path} is damaged: its weights do not have the SHA-256 that it records; get or "
            "train it again"
        )
    return tensors, metadata


def _data_digest(path: Path) -> str:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        file.seek(8 + size)
        return hashlib.file_digest(file, "sha256").hexdigest()


def oddity(value: Tensor) -> str | None:
    """Why a tensor cannot be taken as weights, None if it can."""
    if value.is_quantized:
        return f"is quantised ({_short(value.dtype)})"
    if value.layout != torch.strided:
        return "is sparse"
    if value.device.type == "meta":
        return "has a shape but no values (torch's meta device)"
    if value.dtype not in FLOATS:
        return f"is {_short(value.dtype)}, not floating-point weights"
    if not value.to(torch.float32).isfinite().all():
        return "has values that are not finite"
    return None


def fit(model: SRModel, tensors: Mapping[str, Tensor], source: str) -> list[str]:
    """Load tensors into a model, which they must match name by name and shape by shape.

    Returns:
        Notes for people: what was converted to the model's float32.

    Raises:
        WeightsError: naming every tensor that is missing, left over, of another shape, quantised,
            sparse, without values, of integers or complex numbers, or not finite (of very many
            the first).
    """
    own = model.state_dict()
    problems = [f"missing {name} {tuple(own[name].shape)}" for name in own if name not in tensors]
    odd: dict[str, list[str]] = {}
    for name, value in tensors.items():
        if name not in own:
            problems.append(f"unexpected {shown(name)} {tuple(value.shape)}")
        elif value.shape != own[name].shape:
            problems.append(
                f"{name} is {tuple(value.shape)} where the network has {tuple(own[name].shape)}"
            )
        elif reason := oddity(value):
            odd.setdefault(reason, []).append(name)
    for reason, (first, *others) in odd.items():
        problems.append(f"{first} {reason}{f', {len(others)} others too' if others else ''}")
    if problems:
        more = len(problems) - MOST_PROBLEMS
        listed = "; ".join(problems[:MOST_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
        raise WeightsError(f"{source} does not fit this network: {listed}")
    model.load_state_dict({name: value.detach() for name, value in tensors.items()})
    dtypes = sorted({_short(value.dtype) for value in tensors.values()} - {"float32"})
    return [f"{source} holds {' and '.join(dtypes)}, converted to float32"] if dtypes else []


def load_weights(model: SRModel, path: Path, variant: Variant, scale: int) -> dict[str, str]:
    """Load a safetensors file into a model and return its metadata.

    Raises:
        WeightsError: unreadable, of another architecture (recursions and crop change the function
            though not the shapes), or its tensors do not fit.
    """
    tensors, metadata = read_weights(path)
    check_belongs(read_claim(metadata, str(path)), variant, scale, str(path))
    fit(model, tensors, str(path))
    return metadata


def shown(name: str) -> str:
    """A tensor's name, which may be anything, for a message."""
    return name if name.isprintable() and len(name) <= 80 else f"{ascii(name)[:80]}..."


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
