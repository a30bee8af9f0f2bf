"""A report that is there already is not rendered again; one that would differ is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.jobs.store import ResultsFolder
from harness.report import rendered as module
from harness.report.rendered import STAMP, fingerprint, mark_rendered, rendered
from harness.system.code import code_files
from tests.jobs.conftest import Harness

NAMES = ("report.html", "report.md", "plots/a.svg")


@pytest.fixture
def folder(tmp_path: Path) -> ResultsFolder:
    folder = ResultsFolder(tmp_path / "results")
    folder.jobs_dir.mkdir(parents=True)
    (folder.jobs_dir / "a.json").write_text('{"psnr_y": 1}')
    folder.write_run({"config": {"scales": [2]}, "timings": {"seconds": 1}}, [])
    return folder


@pytest.fixture
def report(tmp_path: Path, folder: ResultsFolder) -> Path:
    """A report that was rendered from the results."""
    report = tmp_path / "report"
    for name in NAMES:
        path = report / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    mark_rendered(report, fingerprint(folder, "v"), [report / name for name in NAMES])
    return report


def test_an_unchanged_report_is_known_with_its_files(folder: ResultsFolder, report: Path) -> None:
    found = rendered(report, fingerprint(folder, "v"))
    assert sorted(found) == sorted(report / name for name in NAMES)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder.jobs_dir / "a.json").write_text('{"psnr_y": 2}'),
        lambda folder: (folder.jobs_dir / "a.json").rename(folder.jobs_dir / "b.json"),
        lambda folder: (folder.jobs_dir / "b.json").write_text("{}"),
        lambda folder: folder.write_run({"config": {"scales": [4]}}, []),
    ],
)
def test_other_results_make_another_report(
    folder: ResultsFolder, report: Path, change: Callable[[ResultsFolder], object]
) -> None:
    change(folder)
    assert rendered(report, fingerprint(folder, "v")) == []


def test_another_baseline_makes_another_report(folder: ResultsFolder, report: Path) -> None:
    assert rendered(report, fingerprint(folder, "w")) == []


def test_other_code_makes_another_report(
    folder: ResultsFolder, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = tmp_path / "page.html"
    template.write_text("old")
    code = [*code_files(), template]
    assert any(path.suffix not in (".py", ".typed") for path in code[:-1])
    monkeypatch.setattr(module, "code_files", lambda: iter(code))
    before = fingerprint(folder, "v")
    template.write_text("new")
    assert fingerprint(folder, "v") != before


def test_the_time_of_a_run_changes_nothing(folder: ResultsFolder, report: Path) -> None:
    folder.write_run({"config": {"scales": [2]}, "timings": {"seconds": 99}}, [])
    assert rendered(report, fingerprint(folder, "v"))


@pytest.mark.parametrize(
    "change",
    [
        lambda report: (report / "report.html").write_text("edited"),
        lambda report: (report / "plots" / "a.svg").unlink(),
        lambda report: (report / STAMP).unlink(),
        lambda report: (report / STAMP).write_text("{"),
        lambda report: (report / STAMP).write_text("[]"),
        lambda report: (report / STAMP).write_text(json.dumps({"key": "x", "files": []})),
    ],
)
def test_a_report_that_was_changed_is_rendered_again(
    folder: ResultsFolder, report: Path, change: Callable[[Path], object]
) -> None:
    change(report)
    assert rendered(report, fingerprint(folder, "v")) == []


def test_the_same_run_again_shows_its_report(harness: Harness) -> None:
    html = Path("out/report/report.html")

    def run(baseline: str) -> int:
        outcome = harness(
            *("run", "--variants", "bicubic", "--scales", "2", "--only", "cost"),
            *("--results", "out", "--baseline", baseline),
        )
        assert outcome.returncode == 0, outcome.stderr
        assert {str(html), str(html.with_suffix(".md"))} <= set(outcome.stdout.splitlines())
        return html.stat().st_mtime_ns

    first = run("ms-lapsrn")
    assert run("ms-lapsrn") == first
    assert run("bicubic") > first
    again = html.stat().st_mtime_ns
    # The command always renders.
    assert harness("report", "out", "--baseline", "bicubic").returncode == 0
    assert html.stat().st_mtime_ns > again
