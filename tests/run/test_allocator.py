"""A process that keeps its freed memory takes no page faults for blocks that it had before."""

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from harness.allocator import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit(77)
for _ in range(8):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = bytearray(64 * 2**20)
    block[::4096] = b"1" * len(block[::4096])  # Written, or the system would not provide it.
    del block
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults)
"""


def _faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=False
    )
    if done.returncode == 77:
        pytest.skip("the C library here is not glibc")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_a_block_of_the_same_size_costs_nothing_again():
    assert _faults("default") > 100
    assert _faults("keep") < 10
