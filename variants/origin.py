"""Registered code: where it comes from, and how it is called."""

import hashlib
import inspect
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

CONTENT = "__content_sha256__"
"""Attribute of a module that was executed from bytes: their SHA-256."""


def content_of(module: str) -> str | None:
    """SHA-256 of the file that a module was read from, by the module's name.

    None for what ships with this project, and where there is no file (a notebook).
    """
    if module.partition(".")[0] in ("variants", "harness"):
        return None
    loaded = sys.modules.get(module)
    known = getattr(loaded, CONTENT, None)
    file = getattr(loaded, "__file__", None)
    if isinstance(known, str):
        return known
    return _sha256(file) if isinstance(file, str) else None


@cache
def _sha256(file: str) -> str | None:
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return None


def takes_scale(factory: Callable[..., Any]) -> bool:
    """Whether it is called with a scale: it has an argument of that name, or one that it needs."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # Of some built-in callables nothing is known.
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [p for p in parameters if p.kind in positional]
    return bool(taken) and (taken[0].name == "scale" or taken[0].default is inspect.Parameter.empty)
