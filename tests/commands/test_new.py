"""``new``: what it writes works at once, and its test passes."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.commands.new import KINDS, command
from harness.errors import ConfigError
from tests.commands.invoke import invoke


def test_what_is_written_works_and_its_tests_pass(tmp_path: Path) -> None:
    plugins = []
    for kind in KINDS:
        invoke(command, kind, f"fresh-{kind}", "-o", tmp_path / "mine")
        plugins += ["--plugin", f"fresh_{kind}.py"]
    run = "run --variants bicubic,fresh-upsampler,fresh-network --baseline bicubic --scales 2"
    shared = "--datasets embedded --limit 1 --only cost,quality"
    for words in (
        ["harness", *run.split(), *shared.split(), *plugins],
        ["pytest", "-q", "-p", "no:cacheprovider"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path / "mine",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    results = tmp_path / "mine" / "runs" / "latest"
    for name in ("cost", "quality"):
        assert "fresh-network" in (results / f"{name}.csv").read_text("utf-8")
    assert "fresh-upsampler" in (results / "cost.csv").read_text("utf-8")
    assert "fresh_metric" in (results / "quality.csv").read_text("utf-8").partition("\n")[0]


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("metric", "psnr-y", "psnr-y is there already"),
        ("upsampler", "transposed", "transposed is there already"),
        ("network", "ms-lapsrn", "ms-lapsrn is there already"),
        ("network", "json", "a Python module is called json"),
        ("network", "My Net", "a name is lower-case words"),
        ("network", "../x", "a name is lower-case words"),
    ],
)
def test_a_name_that_cannot_be_is_one_sentence(
    kind: str, name: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=words):
        invoke(command, kind, name, "-o", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "test_fresh_one.py").write_text("mine")
    with pytest.raises(ConfigError, match=r"test_fresh_one\.py is there already"):
        invoke(command, "metric", "fresh-one", "-o", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["test_fresh_one.py"]
