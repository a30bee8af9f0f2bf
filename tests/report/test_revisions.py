"""`compare --rev`: two revisions of a repository, timed in turns. Which is slower is built in."""

import json
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from harness.commands.compare import command
from harness.errors import ConfigError
from tests.commands.invoke import invoke

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

PACKAGE = """
import time, torch

class Slow(torch.nn.Module):
    def forward(self, x):
        time.sleep({ms} / 1000)
        return x

def create_model(name, scale, pretrained):
    if name == "lapsrn" and {ms} > 2:
        raise KeyError("lapsrn was removed")
    return Slow()
"""


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Revision ``before`` takes 1 ms for a pass, ``after`` 4 ms."""
    git(tmp_path, "init", "-q")
    for tag, ms in (("before", 1), ("after", 4)):
        for package in ("harness", "variants"):
            (tmp_path / package).mkdir(exist_ok=True)
            (tmp_path / package / "__init__.py").write_text(PACKAGE.format(ms=ms))
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", tag)
        git(tmp_path, "tag", tag)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_slower_revision_is_named_and_trips_its_gate(repository: Path) -> None:
    options = ("--variants", "ms-lapsrn", "--rounds", "8", "--json")
    gates = ("--fail-if", "median_ms>50%", "--fail-if", "cms-*:median_ms>0%")
    result = invoke(command, "--rev", "before", "after", *options, *gates)
    assert result.return_value == 1
    (turn,) = json.loads(result.output)
    assert (turn["verdict"], turn["failed"]) == ("slower", ["median_ms>50%"])
    assert 1 <= turn["before"] < 4 <= turn["after"]
    assert 50 < turn["low"] <= turn["change"] <= turn["high"]
    # The working tree is as it was.
    status = subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True)
    assert status.stdout == b""


def test_what_cannot_be_compared_is_one_sentence(repository: Path) -> None:
    def refused(*options: str) -> str:
        with pytest.raises((ConfigError, click.UsageError)) as caught:
            invoke(command, *options)
        return str(caught.value)

    assert "cannot give the revision 'nowhere'" in refused("--rev", "before", "nowhere")
    gate = refused("--rev", "before", "after", "--fail-if", "psnr_y<0")
    assert "only median_ms in per cent has a gate" in gate
    assert "Name two results folders" in refused()
    assert "are for --rev" in refused("a", "b", "--scales", "4")
    assert "takes no runs" in refused("a", "--rev", "before", "after")
    unknown = refused("--rev", "before", "after", "--variants", "lapsrn")
    assert "after cannot run lapsrn: KeyError: 'lapsrn was removed'" in unknown
