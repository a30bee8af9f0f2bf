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


SIZES = """
import sys
import psutil, torch
from harness import allocator
from harness.backends import prepare
from variants import create_model

allocator.KEPT_BYTES = 100 * 2**20
torch.manual_seed(0)
model = create_model("ms-lapsrn", 2).to(memory_format=torch.channels_last)
forward = prepare(model, "eager", "float32", "cpu")
used = []
for side in [160, *(100 + 37 * n % 60 for n in range(int(sys.argv[1])))]:
    forward(torch.rand(1, 1, side, 260 - side))
    used.append(psutil.Process().memory_info().rss / 2**20)
print(max(used[:4]), max(used))
"""


def test_images_of_many_sizes_need_no_more_memory_than_a_few():
    done = subprocess.run(
        [sys.executable, "-c", SIZES, "40"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    few, many = map(float, done.stdout.split())
    assert many < few + 100
