"""Processes that end with the one that started them."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

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

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """As of the base class. What it starts is not interrupted before it can ignore that.

        A Python that starts has a traceback of its own for Ctrl-C, which goes to the whole group.
        """
        if not hasattr(signal, "pthread_sigmask"):  # Windows, where a group is no matter.
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __exit__(self, kind: type[BaseException] | None, *details: Any) -> None:
        if kind is not None and not issubclass(kind, Exception):
            # Python 3.14 has kill_workers(); before, this is the only way to know them.
            for process in [*(self._processes or {}).values()]:
                process.kill()
        self.shutdown(wait=True, cancel_futures=True)


def _start(parent: int, initializer: Callable[..., object] | None, initargs: Any) -> None:
    """In a process of a pool: Ctrl-C is for the parent to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
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
