"""The code of this program by content."""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path


def code_files() -> Iterator[Path]:
    """The files that this program consists of, without trained weights."""
    for package in (Path(str(files(name))) for name in ("harness", "variants")):
        for path in sorted(package.rglob("*")):
            text = path.suffix not in (".pyc", ".safetensors") and path.parent.name != "logs"
            if text and path.is_file():
                yield path


@cache
def code_sha256() -> str:
    """Of the names and bytes of :func:`code_files`: a version alone would miss what was edited."""
    digest = hashlib.sha256()
    for path in code_files():
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()
