"""Memory in large pages, which stay with the process once freed: where one can ask for that."""

import ctypes
import os
import sys
from functools import cache
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # <malloc.h> of glibc
_NEVER = 2**31 - 1

KEPT_BYTES = 2**30
"""What may gather before it is given back; having it again costs a page fault for every 4 kB."""

_floor_bytes = 0


def ask_for_large_pages() -> None:
    """Have torch ask Linux for pages of 2 MB under large blocks, unless the user said otherwise.

    Fresh memory then costs a fifth of the page faults, and its use fewer lookups of addresses.
    To be called before torch allocates anything: torch looks once.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


@cache
def _glibc() -> Any:
    """The C library, None where it is another one."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


@cache
def keep_freed_memory() -> bool:
    """Have glibc reuse large blocks rather than give them back to the system at every layer.

    A layer's output is tens of megabytes. By default each is mapped, zeroed page by page by the
    system as it is first written, and unmapped again: a quarter of the time of a forward pass in
    float32. Who then goes on with blocks of other sizes calls :func:`return_freed_memory` between,
    or the gaps that the old sizes leave add up.

    Returns:
        Whether it was done: glibc only.
    """
    library = _glibc()
    if library is None:
        return False
    return bool(library.mallopt(_M_MMAP_MAX, 0) and library.mallopt(_M_TRIM_THRESHOLD, _NEVER))


def return_freed_memory(kept_bytes: int | None = None) -> None:
    """Give all freed memory back to the system, if much has gathered, where glibc can.

    Args:
        kept_bytes: what may have gathered since the last time; None for ``KEPT_BYTES``.
    """
    global _floor_bytes
    library, kept = _glibc(), KEPT_BYTES if kept_bytes is None else kept_bytes
    if library is None or _resident_bytes() < _floor_bytes + kept:
        return
    library.malloc_trim(0)
    _floor_bytes = _resident_bytes()


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
