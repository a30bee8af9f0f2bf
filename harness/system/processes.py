"""Processes that end with the one that started them, and signals that ask a program to end."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import FrameType
from typing import Any

_PR_SET_PDEATHSIG = 1
PLATFORM = sys.platform


class Pool(ProcessPoolExecutor):
    """Fresh processes that end with this one, however it ends, and at once if it is interrupted.

    As a context manager it waits for what was submitted; on an interrupt (or any other exception
    that is no :class:`Exception`) it kills its processes instead.

    Args:
        processes: how many, at most.
        initializer: what a process does first, with ``initargs``; it must be picklable.
    """

    def __init__(
        self,
        processes: int,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        context = multiprocessing.get_context("spawn")
        super().__init__(processes, context, _start, (os.getpid(), initializer, initargs))

    def __exit__(self, kind: type[BaseException] | None, *details: Any) -> None:
        if kind is not None and not issubclass(kind, Exception):
            # Python 3.14 has kill_workers(); before, this is the only way to know them.
            for process in [*(self._processes or {}).values()]:
                process.kill()
        self.shutdown(wait=True, cancel_futures=True)


def _start(parent: int, initializer: Callable[..., object] | None, initargs: Any) -> None:
    """In a process of a pool: Ctrl-C is for the parent to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)
    if initializer is not None:
        initializer(*initargs)


def end_with_parent(parent: int) -> None:
    """Let this process, which :mod:`multiprocessing` started, end when its parent does.

    A thread watches the parent, on every system. Linux kills besides, since a thread gets no turn
    while foreign code holds the interpreter; that also happens when the *thread* ends that started
    this process, which must therefore outlive it.

    Args:
        parent: the parent's process id, known to the parent.
    """
    process = multiprocessing.parent_process()
    if process is None:
        return
    sentinel = process.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()
    if PLATFORM == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # It was gone before the kernel was asked.
            os._exit(1)


_interrupt: signal.Signals | None = None


@contextmanager
def interrupts() -> Iterator[None]:
    """Turn SIGTERM, with which batch systems and containers end a program, into an interrupt.

    SIGINT and SIGTERM both raise :class:`KeyboardInterrupt`, and :func:`interrupt` tells them. A
    signal that the program was started to ignore stays ignored, and outside of the main thread
    nothing changes.
    """
    global _interrupt
    _interrupt = None
    before = {}
    if threading.current_thread() is threading.main_thread():
        for one in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(one) in (signal.SIG_DFL, signal.default_int_handler):
                before[one] = signal.signal(one, _note)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _note(number: int, _: FrameType | None) -> None:
    global _interrupt
    _interrupt = signal.Signals(number)
    raise KeyboardInterrupt


def interrupt() -> signal.Signals | None:
    """The last signal that asked this program to end, None if none came.

    It is known here also where foreign code has turned the :class:`KeyboardInterrupt` into another
    exception or dropped it, as modules in C do when they are being imported.
    """
    return _interrupt


def raise_interrupt() -> None:
    """KeyboardInterrupt if one was asked for; for whoever catches every :class:`Exception`."""
    if _interrupt is not None:
        raise KeyboardInterrupt
