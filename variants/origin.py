"""Where registered code comes from: what ships with this project, or a file of the user's."""

import hashlib
import sys
from functools import cache
from pathlib import Path

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
