"""Training checkpoints: everything that the next step depends on, in one file."""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from harness.errors import ConfigError
from harness.system.files import write_atomically
from harness.training.recipe import Recipe

NAME = "checkpoint.pt"

_DOES_NOT_MATTER = ("summary", "checkpoint_seconds")


def fingerprint(variant: str, scale: int, recipe: Recipe, init: str, images: list[str]) -> str:
    """Hex digest of what a run is: a checkpoint of another run must not be continued."""
    settled = recipe.model_dump_json(exclude=set(_DOES_NOT_MATTER))
    text = "\n".join([variant, str(scale), settled, init, *images])
    return hashlib.sha256(text.encode()).hexdigest()


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write atomically: whenever the process dies, the old file or the new one is there, whole."""
    content = BytesIO()
    torch.save(state, content)
    write_atomically(path, content.getvalue())


def read_checkpoint(path: Path, expected: str) -> dict[str, Any] | None:
    """The stored state, or None without a file.

    Raises:
        ConfigError: the file is damaged, or belongs to a run with another fingerprint.
    """
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        found = state["fingerprint"]
    except Exception as error:  # torch.load raises many types on damaged files.
        raise ConfigError(
            f"{path} is not a readable checkpoint ({error}); remove it to start again"
        ) from error
    if found != expected:
        raise ConfigError(
            f"{path} was left by a training of another variant, recipe, start or set of images; "
            "choose another --out, or remove it to start again"
        )
    return state
