"""Signals that ask a program to end."""

import ctypes
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_interrupt: signal.Signals | None = None


class InterruptError(KeyboardInterrupt):
    """SIGINT or SIGTERM came.

    A class of its own because Python notes a plain KeyboardInterrupt that leaves ``exec`` of a
    text, as in the making of a dataclass, and ends with SIGINT in the end though it was caught.
    """


@contextmanager
def interrupts(last: bool = False) -> Iterator[None]:
    """Turn SIGTERM, with which batch systems and containers end a program, into an interrupt.

    SIGINT and SIGTERM both raise :class:`KeyboardInterrupt`, and :func:`interrupt` tells them. A
    signal that the program was started to ignore stays ignored, and outside of the main thread
    nothing changes.

    Args:
        last: the program ends right after: from then on signals are ignored, which would otherwise
            end the interpreter in its last moments with another exit code than what was done has.
    """
    global _interrupt
    _interrupt = None
    before = {}
    unraisable = sys.unraisablehook
    sys.unraisablehook = _tell_no_interrupt(unraisable)
    if threading.current_thread() is threading.main_thread():
        for one in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(one) in (signal.SIG_DFL, signal.default_int_handler):
                before[one] = signal.signal(one, _note)
    try:
        yield
    finally:
        _interrupt = None
        sys.unraisablehook = unraisable
        for one, handler in before.items():
            signal.signal(one, signal.SIG_IGN if last else handler)


def _tell_no_interrupt(
    tell: Callable[["sys.UnraisableHookArgs"], object],
) -> Callable[["sys.UnraisableHookArgs"], object]:
    """What tells of exceptions that Python drops, but for interrupts, which are remembered."""

    def hook(dropped: "sys.UnraisableHookArgs") -> object:
        expected = issubclass(dropped.exc_type, InterruptError)
        return None if expected else tell(dropped)

    return hook


def _note(number: int, _: FrameType | None) -> None:
    global _interrupt
    _interrupt = signal.Signals(number)
    raise InterruptError


def interrupt() -> signal.Signals | None:
    """The last signal that asked this program to end, None if none came.

    It is known here also where other code turns the :class:`KeyboardInterrupt` into another
    exception or drops it.
    """
    return _interrupt


def raise_interrupt() -> None:
    """KeyboardInterrupt if one was asked for.

    For loops over long work, and for whoever catches every :class:`Exception`: what is raised
    within a destructor or a callback from C is dropped by Python.
    """
    if _interrupt is not None:
        raise KeyboardInterrupt


class _SignalStack(ctypes.Structure):
    """``stack_t`` of Linux's <signal.h>."""

    _fields_ = [
        ("start", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("size", ctypes.c_size_t),
    ]


@contextmanager
def same_signal_stack() -> Iterator[None]:
    """Put back which stack signals of this thread are handled on; on Linux, elsewhere nothing.

    For libraries that set one of their own, which they free while the thread still has it, or in
    another thread: the next signal, such as Ctrl-C, would end the process with SIGSEGV.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    library, before = ctypes.CDLL(None), _SignalStack()
    library.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        library.sigaltstack(ctypes.byref(before), None)
