"""Training checkpoints: everything that the next step depends on, in one file."""

import hashlib
import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.errors import ConfigError
from harness.system.files import read_regular, write_atomically
from harness.training.recipe import Recipe

NAME = "checkpoint.pt"

_DOES_NOT_MATTER = ("summary", "checkpoint_seconds")
_PARTS: dict[str, type | tuple[type, ...]] = {
    "fingerprint": str,
    "step": int,
    "wall_s": (int, float),
    "curve": list,
    "network": Mapping,
    "average": Mapping,
    "optimizers": list,
}
LARGEST_BYTES = 2**34
"""Of a checkpoint; one of these networks has some megabytes."""
_MARK = b"sha256:"
_SEAL_BYTES = len(_MARK) + 64


def fingerprint(
    variant: str,
    scale: int,
    recipe: Recipe,
    init: str,
    images: list[str],
    teacher: Iterable[str] = (),
) -> str:
    """Hex digest of what a run is: a checkpoint of another run must not be continued.

    Args:
        variant: what is trained.
        scale: that it was built for.
        recipe: with what the command line changed.
        init: identifies the start.
        images: names of those that train and validate.
        teacher: SHA-256 of the weights that it learns from.
    """
    settled = recipe.model_dump_json(exclude=set(_DOES_NOT_MATTER))
    text = "\n".join([variant, str(scale), settled, init, *images, *teacher])
    return hashlib.sha256(text.encode()).hexdigest()


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write atomically: whenever the process dies, the old file or the new one is there, whole.

    The file's SHA-256 is in the file itself, as the comment of the zip archive that it is: the two
    cannot come apart, and ``torch.load`` reads it as any other.
    """
    content = BytesIO()
    torch.save(state, content)
    write_atomically(path, _sealed(content.getvalue()))


def _sealed(content: bytes) -> bytes:
    # A zip archive without a comment ends with the length of its comment, two bytes of zero.
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[:-2] + _SEAL_BYTES.to_bytes(2, "little") + _MARK + digest


def _unsealed(content: bytes) -> bytes:
    """The archive as torch wrote it.

    Raises:
        ValueError: some byte is not what was written.
    """
    if content[-_SEAL_BYTES:].startswith(_MARK):
        digest, whole = content[-64:], content[: -_SEAL_BYTES - 2] + b"\0\0"
        length = content[-_SEAL_BYTES - 2 : -_SEAL_BYTES]
        sealed = hashlib.sha256(whole).hexdigest().encode() == digest
        if not sealed or length != _SEAL_BYTES.to_bytes(2, "little"):
            raise ValueError("its bytes do not have the SHA-256 that it records")
        return whole
    # Of an earlier version, without a digest: the archive has checksums that torch does not read.
    with zipfile.ZipFile(BytesIO(content)) as archive:
        bad = archive.testzip()
    if bad is not None:
        raise ValueError(f"the checksum of {bad!a} is wrong")
    return content


def read_checkpoint(path: Path, expected: str) -> dict[str, Any] | None:
    """The stored state, or None without a file.

    Raises:
        ConfigError: the file is damaged, or belongs to a run with another fingerprint.
    """
    try:
        content = read_regular(path, LARGEST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    try:
        state = torch.load(BytesIO(_unsealed(content)), map_location="cpu", weights_only=True)
        problem = _problem(state)
    except MemoryError:
        raise
    except Exception as error:  # torch.load raises many types on damaged files.
        raise damaged(path, error) from error
    if problem:
        raise damaged(path, problem)
    if state["fingerprint"] != expected:
        raise ConfigError(
            f"{path} was left by a training of another variant, recipe, start, teacher or set of "
            "images; choose another --out, or remove it to start again"
        )
    found: dict[str, Any] = state
    return found


def damaged(path: Path, why: object) -> ConfigError:
    """What to tell of a checkpoint that cannot be continued."""
    text = " ".join(str(why).split())[:200] or type(why).__name__
    return ConfigError(
        f"{path} is not a readable checkpoint ({text}); remove it to start the training again"
    )


def _problem(state: Any) -> str | None:
    if not isinstance(state, dict):
        return f"it holds a {type(state).__name__}"
    for name, kind in _PARTS.items():
        if not isinstance(state.get(name), kind) or isinstance(state[name], bool):
            return f"its {name} is {'of another type' if name in state else 'missing'}"
    if state["step"] < 0 or not (math.isfinite(state["wall_s"]) and state["wall_s"] >= 0):
        return "its step or time is impossible"
    for point in state["curve"]:
        numbers = isinstance(point, dict) and all(
            isinstance(key, str) and isinstance(value, int | float) for key, value in point.items()
        )
        if not numbers or "step" not in point:
            return "its validation curve is damaged"
    for name, tensor in _tensors(state, ""):
        if not tensor.isfinite().all():
            return f"{name.lstrip('.')} has values that are not finite"
    return None


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """All tensors, wherever they lie: of the network, of its average, of the optimisers."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _tensors(inner, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _tensors(inner, f"{name}.{index}")
