"""Memory in large pages, which stay with the process once freed: where one can ask for that."""

import ctypes
import os
import sys
from functools import cache
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # <malloc.h> of glibc
_NEVER = 2**31 - 1

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
    try:
        library = ctypes.CDLL(None)
    except OSError:
        return None  # Of a program that is linked statically.
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


@cache
def keep_freed_memory() -> bool:
    """Have glibc reuse large blocks rather than give them back to the system at every layer.

    A layer's output is tens of megabytes. By default each is mapped, zeroed page by page by the
    system as it is first written, and unmapped again: a quarter of the time of a forward pass in
    float32. Who calls this calls :func:`return_freed_memory`, too, now and then.

    Returns:
        Whether it was done: glibc only.
    """
    library = _glibc()
    if library is None:
        return False
    return bool(library.mallopt(_M_MMAP_MAX, 0) and library.mallopt(_M_TRIM_THRESHOLD, _NEVER))


def return_freed_memory(kept_bytes: int) -> None:
    """Give all freed memory back to the system, if much has gathered, where glibc can.

    Blocks that are freed between others leave gaps, into which larger ones do not fit: without
    this, the gaps of a long run add up to as much as it holds.

    Args:
        kept_bytes: what may have gathered since the last time. To have it again costs a page fault
            for every 4 kB, or for every 2 MB of large pages.
    """
    global _floor_bytes
    library = _glibc()
    if library is None:
        return
    import psutil  # Not before it is needed: every command imports this module.

    try:
        if _unused_bytes(library) < _floor_bytes + kept_bytes:
            return
        library.malloc_trim(0)
        _floor_bytes = _unused_bytes(library)
    except (OSError, psutil.Error):
        return  # The system does not tell what the process has.


class _MallInfo(ctypes.Structure):
    """``struct mallinfo2`` of <malloc.h>."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def _unused_bytes(library: Any) -> int:
    """Resident bytes that the allocator has not handed out: freed memory, programs, stacks."""
    import psutil

    resident = int(psutil.Process().memory_info().rss)
    if not hasattr(library, "mallinfo2"):  # glibc before 2.33
        return resident
    library.mallinfo2.restype = _MallInfo
    info = library.mallinfo2()
    return resident - int(info.uordblks) - int(info.hblkhd)
