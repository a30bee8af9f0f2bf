"""What all tests need of the process that they run in."""

import os
import signal

# The workers share the processors; threads of one would wait for those of another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

MOST_WORKERS = 4
"""Each takes up to 1 GB."""

# A shell lets what it starts in its background ignore Ctrl-C, and children inherit that; tests
# that interrupt a child would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker for each processor for the whole suite; none for files that are named."""
    if config.args != config.getini("testpaths"):
        return 0
    has = getattr(os, "sched_getaffinity", None)
    return min(MOST_WORKERS, len(has(0)) if has else os.cpu_count() or 1)
