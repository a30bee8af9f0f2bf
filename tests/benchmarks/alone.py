"""A command of the harness in a process of its own: its time and its peak of memory."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass

INTERRUPTED = 128 + signal.SIGINT

LAUNCHER = """
import os, signal, sys
limit_s, *arguments = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)
pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-m", "harness", *arguments])
signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGINT))
signal.alarm(int(limit_s))
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A small process that starts the one to be measured: Linux counts the memory that the starting one
holds at that moment as a peak of the new one. A shell's background jobs ignore interrupts, and so
would what they start: it undoes that."""


@dataclass(frozen=True)
class Run:
    """What a process took, and whether it came to its end."""

    seconds: float
    peak_bytes: int
    whole: bool = True


def harness_alone(*arguments: str, limit_s: int = 0) -> Run:
    """Run the harness.

    Args:
        arguments: of the command line.
        limit_s: seconds after which it is interrupted; 0 for never.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    start = time.perf_counter()
    launched = subprocess.run(
        [sys.executable, "-c", LAUNCHER, str(limit_s), *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds = time.perf_counter() - start
    interrupted = launched.returncode == INTERRUPTED and 0 < limit_s <= seconds
    if not interrupted:
        launched.check_returncode()
    *lines, maxrss = launched.stdout.splitlines()
    print(*lines, sep="\n", flush=True)
    kib = float(maxrss) if sys.platform != "darwin" else float(maxrss) / 1024
    return Run(seconds, int(1024 * kib), whole=not interrupted)
