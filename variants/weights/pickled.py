"""Weights in torch's own files (``.pth``, ``.pt``), read without running any code in them."""

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from variants.errors import WeightsError

# Averaged weights first: where a file has both, they are what its authors measured.
_STATE_KEYS = (
    *("params_ema", "model_ema", "ema", "average"),
    *("params", "model_state_dict", "state_dict", "model", "network", "net", "generator"),
    *("module", "weights"),
)
_DEEPEST = 4


def read_torch(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a state dict, wherever a file keeps it, and the file's metadata if any.

    Raises:
        WeightsError: damaged, more than tensors, or no state dict in it; names what it has.
    """
    if _is_zip(path):
        _check_zip(path)
    content = _load(path)
    found = _find(content)
    if found is None:
        raise WeightsError(
            f"{path} holds no state dict (a mapping of names to tensors); it {_described(content)}"
        )
    metadata = content.get("metadata") if isinstance(content, Mapping) else None
    if not isinstance(metadata, Mapping):
        metadata = {}
    strings = {k: v for k, v in metadata.items() if isinstance(k, str) and isinstance(v, str)}
    return found, strings


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _check_zip(path: Path) -> None:
    """Compare the checksums that the archive holds of its parts; torch does not."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            stored = all(i.compress_type == zipfile.ZIP_STORED for i in archive.infolist())
            bad = archive.testzip() if stored else None
    except MemoryError:
        raise
    except Exception as error:  # zipfile raises many types on damaged archives.
        raise WeightsError(f"{path} is damaged: {_one_line(error)}; get it again") from error
    if bad is not None:
        raise WeightsError(f"{path} is damaged: the checksum of {bad!a} is wrong; get it again")
    if any(name.endswith("constants.pkl") for name in names):
        raise WeightsError(
            f"{path} is a TorchScript program; save its weights: "
            "torch.save(model.state_dict(), path)"
        )
    if not stored or not any(name.endswith("data.pkl") for name in names):
        raise WeightsError(f"{path} is a zip archive, not weights; unpack it first")


def _load(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Remarks of torch on its own storage classes.
            return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        name = re.search(r"GLOBAL ([\w.]+)", str(error))
        more = f" ({name[1]})" if name else ""
        raise WeightsError(
            f"{path} was not loaded: it is damaged, or holds more than tensors{more} and could run "
            "code when loaded. Save a plain state dict: torch.save(model.state_dict(), path)"
        ) from error
    except Exception as error:  # torch.load raises nearly every type on damaged files.
        raise WeightsError(
            f"{path} is not a readable torch file, or damaged: {_one_line(error)}"
        ) from error


def _find(content: Any, depth: int = 0) -> dict[str, Tensor] | None:
    """The state dict in a checkpoint: under one of the usual keys, else the tensors themselves."""
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return None
    nested = [content[key] for key in _STATE_KEYS if isinstance(content.get(key), Mapping)]
    for inner in nested:
        found = _find(inner, depth + 1)
        if found:
            return found
    # Counters such as `iter` may lie beside the tensors.
    return {
        k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)
    } or None


def _described(content: Any) -> str:
    if not isinstance(content, Mapping):
        return f"is a {type(content).__name__}"
    names = [ascii(key)[:40] for key in content]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"has: {', '.join(names[:8])}{more}" if names else "is empty"


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
