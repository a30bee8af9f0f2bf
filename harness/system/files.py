"""Files read within bounds, and replaced whole: readers see the old content or the new."""

import errno
import hashlib
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, BinaryIO

from harness.system.text import as_unicode

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_DAY_S = 24 * 3600.0
"""No writer takes longer, on a file system without locks."""
_TEMPORARY = ".harness-{}.tmp"
"""Short and of ASCII, whatever the target is called: a file name has 255 bytes."""

LARGEST_JSON = 64 * 2**20
"""Bytes; the largest record of ours is under 1 MB."""
DEEPEST_JSON = 32
LARGEST_NUMBER = 1e30
"""Cubes of such numbers can still be summed."""
_LONGEST_INTEGER = 19
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_regular(path: Path, most: int = LARGEST_JSON) -> bytes:
    """The content of a regular file; what a link leads to counts.

    Args:
        path: of the file.
        most: bytes that it may have.

    Raises:
        OSError: it cannot be read, is a folder, a FIFO, a device or the like, or is too large.
    """
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        # What is asked for is allocated: not much more than there is, unless the file grows.
        content = file.read(size + 1) if size <= most else b""
        if len(content) > size:
            content += file.read(most + 1 - len(content))
    if max(size, len(content)) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes", str(path))
    return content


def in_home(path: Path) -> Path:
    """A path that begins with ``~/`` where a shell finds it; shells leave it in ``NAME=~/DIR``."""
    return path.expanduser() if len(path.parts) > 1 and path.parts[0] == "~" else path


def remedy(error: OSError) -> str:
    """What a person does about a file that could not be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "free some space" if full else "mend that"


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a regular file's bytes, however many; OSError as :func:`read_regular`."""
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    # Opening a FIFO would wait for its writer.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:  # noqa: PTH123  a handle, not a path
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield file


def read_json(path: Path) -> Any:
    """JSON that others may have written: Unicode text, finite nesting, numbers of a sane size.

    Infinities and NaN are read as :func:`write_json` writes them.

    Raises:
        OSError: as :func:`read_regular`.
        ValueError: it is no such JSON; says why.
    """
    text = read_regular(path).decode("utf-8")
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_real)
        _check_depth(value)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST_JSON} levels deep") from None
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return value


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _LONGEST_INTEGER:
        raise ValueError(f"it holds a whole number of {len(text):,} digits")
    return int(text)


def _real(text: str) -> float:
    value = float(text)
    if abs(value) > LARGEST_NUMBER:
        raise ValueError(f"it holds the number {text[:20]}")
    return value


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST_JSON):
        parts = (part.values() if isinstance(part, dict) else part for part in level)
        level = [item for part in parts for item in part if isinstance(item, dict | list)]
        if not level:
            return
    raise RecursionError


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
            with suppress(OSError):  # Not every file system has locks.
                _hold(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def make_folder(path: Path) -> None:
    """Make a folder of our own below one that others may have written to.

    A link of that name is removed, so that nothing is written where it leads to.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_symlink():
        path.unlink()
    path.mkdir(parents=True, exist_ok=True)


def remove_stale(folder: Path, older_than_s: float = 0.0) -> None:
    """Remove what writers left in a folder when they were killed; links are not followed.

    Args:
        folder: need not exist.
        older_than_s: younger ones may be of a writer that has just begun, and those that one holds
            stay, too; 0 where there can be no writer.
    """
    if folder.is_symlink():
        return
    for path in folder.glob(_TEMPORARY.format("*")):
        with suppress(OSError):
            age_s = time.time() - path.lstat().st_mtime
            if age_s >= older_than_s and (not older_than_s or age_s > _DAY_S or _nobodys(path)):
                path.unlink()


def _hold(file: IO[bytes]) -> None:
    """Lock an open file, until it is closed or this process ends, however that may be.

    Raises:
        OSError: another process holds it, or there are no locks here.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _nobodys(path: Path) -> bool:
    """Whether no writer holds a file; where there are no locks, one that is open cannot be removed.

    Raises:
        OSError: a writer holds it.
    """
    with open(os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:  # noqa: PTH123
        _hold(file)
    return True


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
    text = json.dumps(value, indent=1, sort_keys=True)
    if _SURROGATE.search(text):
        text = json.dumps(_all_unicode(value), indent=1, sort_keys=True)
    write_atomically(path, text + "\n")


def _all_unicode(value: Any) -> Any:
    """The same with every text in a form that JSON may hold."""
    if isinstance(value, str):
        return as_unicode(value)
    if isinstance(value, Mapping):
        return {_all_unicode(key): _all_unicode(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_all_unicode(inner) for inner in value]
    return value
