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
