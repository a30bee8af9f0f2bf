"""The documentation holds: its code runs, its commands exist, its links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from harness import __version__
from harness.cli import cli

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *GUIDES]
EXAMPLES = {"variants/upsamplers/subpixel.py", "harness/metrics/mae.py", "harness/jobs/repeat/"}
"""Files that a guide lets its readers write."""
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(page: Path, *languages: str) -> list[str]:
    return [code for language, code in FENCE.findall(page.read_text()) if language in languages]


def pages_with(*languages: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, *languages)]


def named(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("page", pages_with("python"), ids=named)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """All blocks of a page, one after the other, in a process of their own."""
    code = "\n".join(blocks(page, "python"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment.pop("HARNESS_DATA", None)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    if said := re.search(r"It prints about ([\d.]+) dB", page.read_text()):
        printed = re.search(r"^embedded +([\d.]+)", done.stdout, re.MULTILINE)
        assert printed
        assert round(float(printed[1]), 1) == float(said[1])


def commands_in(page: Path) -> list[list[str]]:
    lines = "\n".join(blocks(page, "sh", "bash", "console")).replace("\\\n", " ").splitlines()
    tabled = re.findall(r"`(python -m harness [^`]*)`", page.read_text().replace("\n", " "))
    found = [line.partition("&&")[2] if "&&" in line else line for line in [*lines, *tabled]]
    return [
        shlex.split(line, comments=True)[3:]
        for line in map(str.strip, found)
        if line.startswith("python -m harness ")
    ]


@pytest.mark.parametrize("page", [p for p in PAGES if commands_in(p)], ids=named)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    for words in commands_in(page):
        context = click.Context(cli)
        command: click.Command = cli
        rest = list(words)
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            name = rest.pop(0)
            found = command.get_command(context, name)
            assert found is not None, words
            command = found
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        given = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
        assert given <= known, words


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", pages_with("yaml"), ids=named)
def test_the_yaml_of_a_page_is_yaml(page: Path) -> None:
    for text in blocks(page, "yaml"):
        assert yaml.safe_load(text)


def test_every_page_is_reachable_from_the_first() -> None:
    first = (ROOT / "docs" / "how-it-works.md").read_text()
    others = {page.name for page in GUIDES} - {"how-it-works.md"}
    assert others <= {Path(target).name for target in LINK.findall(first)}
    site = (ROOT / "mkdocs.yml").read_text()
    assert {page.name for page in GUIDES} == set(re.findall(r"[\w-]+\.md", site))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_paths_of_a_page_exist(page: Path) -> None:
    """Those of this repository, such as in the table of what goes where."""
    for target in re.findall(
        r"`((?:harness|variants|tests|docs|reports)/[\w./-]*)`", page.read_text()
    ):
        assert (ROOT / target).exists() or target in EXAMPLES or "NAME" in target, target


def test_environments_of_tox_exist() -> None:
    known = set(re.findall(r"^\[testenv:([\w-]+)\]", (ROOT / "tox.ini").read_text(), re.MULTILINE))
    files = [*PAGES, ROOT / "pyproject.toml", *(ROOT / ".github").rglob("*.yml")]
    named_ones = {n for file in files for n in re.findall(r"tox -e ([\w-]+)", file.read_text())}
    assert named_ones
    assert named_ones <= known


def test_the_version_is_told_alike() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    chapters = re.findall(
        r"^## (\S+) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert citation["version"] == __version__
    assert chapters[0] == (__version__, str(citation["date-released"]))


def test_the_cost_of_conventions_is_measured() -> None:
    script = ROOT / "docs" / "measure_conventions.py"
    command = [sys.executable, str(script), "--dataset", "embedded", "--scale", "4", "--limit", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=True
    )
    rows = {line.split("|")[1].strip(): line.split("|") for line in done.stdout.splitlines()[2:]}
    assert rows["the protocol"][3].strip() == "+0.000"
    # The same errors in a range wider by 255/219.
    assert float(rows["Y in full range (0.299 R + 0.587 G + 0.114 B)"][3]) == pytest.approx(
        -1.322, abs=0.002
    )
    assert float(rows["LR by torch's bicubic, not antialiased"][3]) < -0.5
