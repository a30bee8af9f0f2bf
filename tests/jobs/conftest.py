"""Small images and a fast way to call the command line."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobs.photos import photos

Harness = Callable[..., subprocess.CompletedProcess[str]]
UNTRAINED = "ms-lapsrn[recursions=8]"
"""No weights ship for it: those of D5R8 are another variant's."""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with three small images of different sizes, one of them greyscale."""
    return photos(tmp_path / "photos")


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """Runs ``python -m harness ...`` in an empty folder, without any dataset."""
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "harness", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


def expect_one_sentence(outcome: subprocess.CompletedProcess[str], *words: str) -> None:
    """Bad input: exit 2, no traceback, one line that says what was wrong."""
    assert outcome.returncode == 2, outcome.stderr
    assert "Traceback" not in outcome.stderr + outcome.stdout
    for word in words:
        assert word in outcome.stderr
