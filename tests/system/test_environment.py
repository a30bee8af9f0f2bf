"""What a system cannot tell or do is None or left alone, and never an error."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import __version__
from harness.jobs.latency.group import _set_threads
from harness.jobs.workers import share_of_cpus
from harness.system import environment
from harness.system.environment import affinity, bind_to, cpu_name, load_1min, usable_cpus

ABSENT = "absent"
REFUSED = "refused"
OS_CALLS = ("sched_getaffinity", "sched_setaffinity", "getloadavg")


def take_away(monkeypatch: pytest.MonkeyPatch, name: str, how: str) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if how == ABSENT:
        monkeypatch.delattr(os, name, raising=False)
    else:
        monkeypatch.setattr(os, name, refuse, raising=False)


@pytest.mark.parametrize("how", [ABSENT, REFUSED])
@pytest.mark.parametrize("name", OS_CALLS)
def test_each_call_may_be_missing_or_refused(
    name: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch, name, how)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    bound = affinity()
    assert usable_cpus() >= 1
    if name == "sched_getaffinity":
        assert bound is None
        assert usable_cpus() == (os.cpu_count() or 1)
        assert share_of_cpus(0, 2) == []
    if name == "getloadavg":
        assert load_1min() is None
    if name != "getloadavg":  # Which leaves this process as it is.
        _set_threads(1)
        assert os.environ["OMP_NUM_THREADS"] == "1"
        bind_to([0])
    assert affinity() == bound


def test_bound_to_none_is_not_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda *a: calls.append(a), raising=False)
    bind_to([])
    bind_to([0, 1])
    assert calls == [(0, [0, 1])]


@pytest.mark.parametrize("text", [None, "processor : 0\nBogoMIPS : 50.00\n"])
def test_a_processor_without_a_model_name_is_named_by_its_kind(
    text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No /proc, as on macOS, or one without model names, as on Arm."""

    def read_text(path: Path, *_: object) -> str:
        if text is None:
            raise FileNotFoundError(path)
        return text

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    cpu_name.cache_clear()
    try:
        assert cpu_name() == "arm64"
        assert environment.device_name("cpu") == "arm64"
    finally:
        cpu_name.cache_clear()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("1", 1), (" 2,1 ", 2), ("99", 3), ("", 3), ("0", 3), ("-1", 3), ("many", 3), ("\u00b2", 3)],
)
def test_threads_are_those_that_openmp_is_told(
    asked: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "usable_cpus", lambda: 3)
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert environment.default_threads() == expected


class Installed:
    """A distribution as importlib.metadata has it."""

    def __init__(self, folder: Path, direct_url: str | None) -> None:
        self.folder, self.direct_url = folder, direct_url

    def locate_file(self, name: str) -> Path:
        return self.folder / name

    def read_text(self, _: str) -> str | None:
        return self.direct_url


HERE = Path(environment.__file__).parents[2]


@pytest.mark.parametrize(
    ("folder", "direct_url", "commit"),
    [
        (HERE, '{"url": "x", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}}', "c0ffee"),
        (HERE, '{"url": "file:///x", "dir_info": {}}', None),
        (HERE, "no json", None),
        (HERE, '["list"]', None),
        (HERE, None, None),
        (HERE / "elsewhere", '{"vcs_info": {"commit_id": "c0ffee"}}', None),
    ],
)
def test_the_commit_of_an_installed_copy(
    folder: Path, direct_url: str | None, commit: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "distribution", lambda _: Installed(folder, direct_url))
    monkeypatch.setattr(environment, "_checkout_commit", lambda: None)
    environment.git_commit.cache_clear()
    try:
        assert environment.git_commit.__wrapped__() == commit
    finally:
        environment.git_commit.cache_clear()


def test_records_name_the_harness() -> None:
    described = environment.describe("cpu")
    assert described["harness"] == __version__
    assert described["commit"] == environment.git_commit.__wrapped__()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_commit_is_dirty_where_code_differs_and_not_for_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    code = tmp_path / "harness" / "system" / "environment.py"
    for path in (code, tmp_path / "variants" / "a.py"):
        path.parent.mkdir(parents=True)
        path.write_text("1")
    git("init")
    git("add", "-A")
    git("commit", "-m", "first")
    monkeypatch.setattr(environment, "__file__", str(code))
    commit = environment.git_commit.__wrapped__()
    assert commit is not None
    assert re.fullmatch("[0-9a-f]{40}", commit), git("status", "--porcelain")
    (tmp_path / "results").write_text("measured")
    assert environment.git_commit.__wrapped__() == commit
    (tmp_path / "variants" / "a.py").write_text("2, and longer")
    assert environment.git_commit.__wrapped__() == f"{commit}-dirty"
