"""Atomic file writing: readers see the old content or the new, never a part."""

import errno
import json
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

_TEMPORARY = ".harness-{}.tmp"
"""Short and of ASCII, whatever the target is called: a file name has 255 bytes."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes a path's place at the end; after an error the old content is intact.

    The file lies in the same folder under a name that nobody can foresee, so no planted link is
    followed; where the path itself is a link, the link is replaced, not what it points to. Its
    permissions are what the umask leaves, as of any new file.

    Yields:
        The file, open for writing and reading; do not close it.

    Raises:
        OSError: the folder is not writable, the disk is full, or at the path is a folder, a device
            or the like.
    """
    with suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
    temporary = path.with_name(_TEMPORARY.format(secrets.token_hex(8)))
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def remove_stale(folder: Path, older_than_s: float = 0.0) -> None:
    """Remove what writers left in a folder when they were killed; links are not followed.

    Args:
        folder: need not exist.
        older_than_s: younger ones may be of a writer that is at work; 0 where none can be.
    """
    if folder.is_symlink():
        return
    for path in folder.glob(_TEMPORARY.format("*")):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime >= older_than_s:
                path.unlink()


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file's content; see :func:`replacing`.

    Args:
        path: of the file.
        content: text is written as UTF-8; what cannot be (of a file name in another encoding) is
            written as a question mark.

    Raises:
        OSError: the folder is not writable or the disk is full; the old file is then intact.
    """
    data = content.encode(errors="replace") if isinstance(content, str) else content
    with replacing(path) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; infinities and NaN as Python's json does (``Infinity``, ``NaN``)."""
    write_atomically(path, json.dumps(value, indent=1, sort_keys=True) + "\n")
