"""Atomic file writing: readers see the old content or the new, never a part."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file's content through a temporary file in the same folder.

    Raises:
        OSError: the folder is not writable or the disk is full; the old file is then intact.
    """
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp is private to its owner; results are for sharing.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; infinities and NaN as Python's json does (``Infinity``, ``NaN``)."""
    write_atomically(path, json.dumps(value, indent=1, sort_keys=True) + "\n")
