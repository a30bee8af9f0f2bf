"""Where memory runs out a command ends in a sentence; reading takes no more than there is."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main
from harness.commands.list import command
from harness.system.files import read_regular


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("libtorch.so: cannot map it: Cannot allocate memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
)
def test_it_is_said(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_memory(**_: object) -> None:
        raise error

    monkeypatch.setattr(command, "callback", without_memory)
    with pytest.raises(SystemExit) as ended:
        main(["list"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("Error: out of memory.")


def test_other_errors_of_these_types_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(command, "callback", broken)
    with pytest.raises(RuntimeError, match="a defect"):
        main(["list"])


def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    path.write_bytes(b"{}")
    tracemalloc.start()
    try:
        assert read_regular(path) == b"{}"
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_file_that_grows_is_read_whole_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"x" * 100)
    real = os.fstat

    class Smaller:
        """As the file was when it was looked at."""

        def __init__(self, found: object) -> None:
            self.found, self.st_size = found, 10

        def __getattr__(self, name: str) -> object:
            return getattr(self.found, name)

    fake: Callable[[int], Smaller] = lambda handle: Smaller(real(handle))  # noqa: E731
    monkeypatch.setattr("harness.system.files.os.fstat", fake)
    assert read_regular(path) == b"x" * 100
    with pytest.raises(OSError, match="larger than 50 bytes"):
        read_regular(path, 50)
