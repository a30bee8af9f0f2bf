"""Interrupts where Python drops what is raised: remembered, and not told as an error."""

import signal
import subprocess
import sys

import pytest

CODE = """
import os, signal, sys
from harness.system.interrupts import interrupt, interrupts, raise_interrupt

class Disturbed:
    def __init__(self, what):
        self.what = what
    def __del__(self):
        if self.what == "signal":
            os.kill(os.getpid(), signal.SIGINT)
        else:
            raise ValueError("of its own")

with interrupts():
    Disturbed(sys.argv[1])
    print(interrupt())
    try:
        raise_interrupt()
        print("goes on")
    except KeyboardInterrupt:
        print("ends")
"""


@pytest.mark.parametrize(
    ("what", "told", "errors"),
    [("signal", "2\nends\n", ""), ("error", "None\ngoes on\n", "ValueError: of its own")],
)
def test_an_interrupt_within_a_destructor(what: str, told: str, errors: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, what], capture_output=True, text=True, check=True
    )
    assert done.stdout.replace(str(signal.SIGINT), "2") == told
    assert errors in done.stderr
    assert bool(errors) == ("Traceback" in done.stderr)


STACK = """
import ctypes, mmap, signal, sys
from harness.system.interrupts import same_signal_stack

class SignalStack(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]

def set_another():
    memory = mmap.mmap(-1, 1 << 16)
    place = ctypes.c_char.from_buffer(memory)
    stack = SignalStack(ctypes.addressof(place), 0, 1 << 16)
    assert ctypes.CDLL(None).sigaltstack(ctypes.byref(stack), None) == 0
    del place
    memory.close()

if sys.argv[1] == "kept":
    with same_signal_stack():
        set_another()
else:
    set_another()
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
signal.raise_signal(signal.SIGUSR1)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's sigaltstack")
@pytest.mark.parametrize(("how", "code"), [("kept", 0), ("not", -signal.SIGSEGV)])
def test_a_library_that_frees_the_signal_stack_that_it_has_set(how: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", STACK, how], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout == ("handled\n" if how == "kept" else "")
