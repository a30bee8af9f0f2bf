"""A process that keeps its freed memory takes no page faults for blocks that it had before."""

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from harness.system import malloc


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    yield
    malloc._glibc.cache_clear()
    malloc.keep_freed_memory.cache_clear()


def pretend(monkeypatch: pytest.MonkeyPatch, platform: str, library: object) -> None:
    """As if this were another system with another C library."""

    def load(_: None) -> object:
        if isinstance(library, Exception):
            raise library
        return library

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", load)
    malloc._glibc.cache_clear()
    malloc.keep_freed_memory.cache_clear()


@pytest.mark.parametrize(
    ("platform", "library"),
    [
        ("darwin", SimpleNamespace()),
        ("win32", SimpleNamespace()),
        ("linux", SimpleNamespace()),  # musl
        ("linux", SimpleNamespace(mallopt=lambda *_: 1)),  # Android's
        ("linux", OSError("no dynamic loading")),
    ],
)
def test_other_c_libraries_are_left_alone(
    platform: str, library: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, platform, library)
    assert malloc.keep_freed_memory() is False
    malloc.return_freed_memory(0)


@pytest.mark.parametrize("why", ["mallopt refuses", "no mallinfo2", "no /proc"])
def test_a_glibc_that_cannot_tell_or_do(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trims: list[int] = []

    def unreadable(_: Any) -> Any:
        raise psutil.AccessDenied

    refuses = why == "mallopt refuses"
    library = SimpleNamespace(mallopt=lambda *_: not refuses, malloc_trim=trims.append)
    pretend(monkeypatch, "linux", library)
    monkeypatch.setattr(malloc, "_floor_bytes", 0)
    assert malloc.keep_freed_memory() is not refuses
    if why == "no /proc":
        monkeypatch.setattr(psutil.Process, "memory_info", unreadable)
    malloc.return_freed_memory(1)
    assert trims == ([] if why == "no /proc" else [0])


FAULTS = """
import resource, sys
from harness.system.malloc import keep_freed_memory
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


def _figures(script: str, *arguments: str) -> list[float]:
    """What a script prints, in a process whose memory nothing else has used."""
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("the C library here is no glibc, or too old")
    assert done.returncode == 0, done.stderr
    return [float(figure) for figure in done.stdout.split()]


def _faults(how: str) -> float:
    return _figures(FAULTS, how)[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_a_block_of_the_same_size_costs_nothing_again():
    assert _faults("default") > 100
    assert _faults("keep") < 10


GAPS = """
import ctypes, sys
import psutil
from harness.system.malloc import return_freed_memory

if not hasattr(ctypes.CDLL(None), "mallinfo2"):
    sys.exit(77)
MB = 2**20
def resident():
    return psutil.Process().memory_info().rss / MB

return_freed_memory(0)
blocks = [b"1" * 60_000 for _ in range(4000)]
full = resident()
return_freed_memory(100 * MB)
in_use = resident()
del blocks[::2]
return_freed_memory(200 * MB)
few_gaps = resident()
return_freed_memory(50 * MB)
print(full - in_use, in_use - few_gaps, few_gaps - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_freed_memory_between_blocks_in_use_is_given_back_once_it_is_much():
    in_use, few, much = _figures(GAPS)
    assert in_use < 5, "memory in use is none that could be given back"
    assert few < 5
    assert 90 < much < 125


SIZES = """
import sys
import numpy as np, psutil, torch
from harness.backends import prepare
from harness.networks.load import Network
from variants import create_model

torch.manual_seed(0)
model = create_model("ms-lapsrn", 2).to(memory_format=torch.channels_last)
forward = prepare(model, "eager", "float32", "cpu")
network = Network(forward, torch.float32, "cpu", 100 * 2**20)
used = []
for side in [160, *(100 + 37 * n % 60 for n in range(int(sys.argv[1])))]:
    network.luma(np.random.rand(side, 260 - side))
    used.append(psutil.Process().memory_info().rss / 2**20)
print(max(used[:4]), max(used))
"""


def test_images_of_many_sizes_need_no_more_memory_than_a_few():
    few, many = _figures(SIZES, "40")
    assert many < few + 100
