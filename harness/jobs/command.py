"""The command line that repeats a run."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from harness.jobs.config import RunConfig

_OPTIONS = {
    "variants": "--variants",
    "scales": "--scales",
    "only": "--only",
    "datasets": "--datasets",
    "limit": "--limit",
    "protocols": "--protocol",
    "device": "--device",
    "dtypes": "--dtype",
    "backends": "--backend",
    "fold": "--fold",
    "authors_weights": "--authors-weights",
    "pictures": "--pictures",
    "save_images": "--save-images",
    "workers": "--workers",
    "baseline": "--baseline",
    "results": "--results",
}
"""Further entries are written as ``--set NAME=VALUE``."""
_REPEATED = {"catalog": "--catalog", "plugins": "--plugin"}
_OF_THE_MACHINE = ("data_root", "report")
"""Where things lay; a reader's lie elsewhere."""


def command_of(config: RunConfig) -> str:
    """``python -m harness run`` with what differs from the defaults, quoted for a shell."""
    usual = RunConfig().model_dump(mode="json")
    words = ["python", "-m", "harness", "run"]
    for key, value in config.model_dump(mode="json").items():
        if key == "variants" and value == usual.get(key):
            words += ["--variants", "all"]
        elif key not in _OF_THE_MACHINE and value != usual.get(key):
            words += _given(key, value, usual.get(key))
    return shlex.join(words)


def _given(key: str, value: Any, usual: Any) -> list[str]:
    if key == "dataset_folders":
        return [word for name, path in value.items() for word in ("--dataset", f"{name}={path}")]
    if key == "weights":
        return [
            word for text in dict.fromkeys(map(_weights, value)) for word in ("--weights", text)
        ]
    if key in _REPEATED:
        return [word for item in value for word in (_REPEATED[key], str(item))]
    if key not in _OPTIONS:
        return [word for text in _settings(key, value, usual) for word in ("--set", text)]
    option = _OPTIONS[key]
    if isinstance(value, bool):
        return [option] if value else []
    if isinstance(value, list):
        return [option, ",".join(str(item) for item in value)]
    return [option, str(value)]


def _weights(file: Mapping[str, Any]) -> str:
    if folder := file.get("folder"):
        return str(folder)
    at = f"@{file['scale']}" if file["scale"] else ""
    return f"{file['variant']}{at}={file['path']}"


def _settings(key: str, value: Any, usual: Any) -> Iterator[str]:
    """``NAME=VALUE`` for an entry, or for each of its own entries that differ."""
    if isinstance(value, Mapping) and isinstance(usual, Mapping):
        for inner, item in value.items():
            if item != usual.get(inner):
                yield from _settings(f"{key}.{inner}", item, usual.get(inner))
        return
    yield f"{key}={value if isinstance(value, str) else json.dumps(value)}"
