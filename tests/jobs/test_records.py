"""Records that are damaged, foreign or hostile: refused and said, and nothing else stops."""

import copy
import errno
import json
import os
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.commands import show
from harness.comparison import compare_runs
from harness.errors import ResultsError
from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.estimate import Estimator
from harness.jobs.kinds import kinds
from harness.jobs.store import ResultsFolder, current
from harness.jobs.tables import tables
from harness.report.collect import collect
from harness.report.render import render_report
from harness.report.rendered import fingerprint, rendered
from harness.running import run
from harness.system.files import write_atomically
from harness.training.cards import render_card
from tests.report import synthetic

STORED = sorted((Path(__file__).parents[2] / "results").glob("*/jobs"))
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, -(10**18), 10**19, 10**400, 0.5, 1e308, -1e308),
    *(float("nan"), float("inf"), "", "x", "\ud800", "../../victim", "x" * 2_000_000),
    *([], [[]], ["x", "x", "x"], [1], {}, {"a": 1}, [{}], [None]),
)


@pytest.mark.parametrize("jobs", STORED, ids=lambda path: path.parent.name)
def test_every_stored_record_is_sound_and_named_by_its_content(jobs: Path) -> None:
    folder = ResultsFolder(jobs.parent)
    records = folder.read()
    assert folder.problems == []
    assert len(records) == len(list(jobs.glob("*.json"))) > 50
    assert all(Job(record.kind, record.spec).id == name for name, record in records.items())


def sound(folder: Path) -> list[Record]:
    """One record of each kind."""
    values = [30.0, 31.0, 32.0]
    return [
        synthetic.quality("lapsrn", 4, "Set5", values, images=["a.png", "b.png", "c.png"]),
        synthetic.cost("lapsrn", 4, 814_242, 1e11),
        synthetic.latency("lapsrn", 4, 20.0),
        synthetic.pictures(folder, "lapsrn", 4, "Set5", ["a.png"]),
    ]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in JSON data; of a long list its first two."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    if isinstance(value, list):
        for number, item in enumerate(value[:2]):
            yield from places(item, (*path, number))


def spoiled(content: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with another value in one place; its id is made right where that can be done."""
    content = copy.deepcopy(content)
    part = content
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    if place[0] == "spec":
        with suppress(TypeError, KeyError, ValueError):
            spec = kinds()[content["kind"]].spec.model_validate(content["spec"])
            content["id"] = Job(content["kind"], spec).id
    return content


def use(folder: Path) -> None:
    """What is done with records, but for rendering, which takes longer."""
    results = ResultsFolder(folder)
    records = results.read()
    for table in tables().values():
        table(results.current(records.values())).csv()
    Estimator(records.values())
    collect(folder)


@pytest.mark.parametrize("kind", ["quality", "cost", "latency", "pictures"])
def test_a_spoiled_record_is_refused_or_harmless(tmp_path: Path, kind: str) -> None:
    content = json.loads(
        json.dumps(next(r.as_dict() for r in sound(tmp_path / "source") if r.kind == kind))
    )
    rng = random.Random(kind)
    cases = [(place, value) for place in places(content) for value in VALUES]
    folder = synthetic.write_run(tmp_path / "run", sound(tmp_path / "run"))
    (original,) = (path for path in (folder / "jobs").iterdir() if path.name.startswith(kind))
    original.unlink()
    rendered_ones = set(rng.sample(range(150), 1))
    for number, (place, value) in enumerate(rng.sample(cases, 150)):
        case = spoiled(content, place, value)
        stem = case["id"] if isinstance(case["id"], str) and 0 < len(case["id"]) < 99 else "x"
        path = (
            folder / "jobs" / f"{stem.encode('ascii', 'replace').decode().replace('/', '_')}.json"
        )
        path.write_text(json.dumps(case))
        try:
            use(folder)
            if number in rendered_ones:
                render_report(folder, tmp_path / "report")
                compare_runs(folder, folder).text()
                render_card("lapsrn", folder)
        except Exception as error:
            raise AssertionError(f"{place} = {value!r:.80}") from error
        finally:
            path.unlink()


def test_each_harm_is_refused_with_its_reason(tmp_path: Path) -> None:
    quality, cost, latency, _ = (json.loads(json.dumps(r.as_dict())) for r in sound(tmp_path))
    cases = [
        (spoiled(cost, ("kind",), []), "kind"),
        (spoiled(quality, ("spec", "variant", "name"), ["x"]), "spec"),
        (spoiled(quality, ("result", "n_images"), -(10**18)), "n_images"),
        (spoiled(quality, ("result", "images", 1, "psnr_y"), 1e308), "1e+308"),
        (spoiled(quality, ("result", "images", 0), {}), "images.0.image"),
        (spoiled(cost, ("result", "counters", 0), ["x"]), "counters.0"),
        (spoiled(cost, ("result", "counters", 0, "difference"), 10**400), "401 digits"),
        (spoiled(latency, ("result", "median_ms"), None), "median_ms"),
        (spoiled(latency, ("started",), "yesterday"), "started"),
        (spoiled(latency, ("reason",), "\ud800"), "surrogate"),
        ({**quality, "id": "quality-other"}, "id"),
        ({**quality, "spec": {**quality["spec"], "dtype": "float16"}}, "id"),
        ({**quality, "more": 1}, "more"),
    ]
    jobs = tmp_path / "run" / "jobs"
    jobs.mkdir(parents=True)
    for number, (case, _) in enumerate(cases):
        name = case["id"] if "id" in case["spec"] else f"case{number}"
        (jobs / f"{number:02}-{name}.json").write_text(json.dumps(case))
    folder = ResultsFolder(tmp_path / "run")
    assert folder.read() == {}
    assert len(folder.problems) == len(cases)
    for problem, (_, word) in zip(folder.problems, cases, strict=True):
        assert word in problem
        assert "\n" not in problem


def test_a_copy_under_another_name_is_refused(tmp_path: Path) -> None:
    folder = synthetic.write_run(tmp_path, [synthetic.cost("lapsrn", 4, 1, 1.0)])
    (path,) = (folder / "jobs").iterdir()
    path.with_name("copy.json").write_bytes(path.read_bytes())
    results = ResultsFolder(folder)
    assert list(results.read()) == [path.stem]
    assert "copy.json is not named by the id" in results.problems[0]


CONTENTS = {
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "rather deep": b'{"a":' * 500 + b"1" + b"}" * 500,
    "long number": b'{"a": 1' + b"0" * 5000 + b"}",
    "binary": b"\x80\x81\x00",
    "list": b"[1, 2]",
    "surrogate": b'{"config": "\\ud800"}',
}
LINKS = {"dangling link": "nowhere", "loop": ".", "device": "/dev/zero"}


def plant(kind: str, path: Path) -> None:
    """Something at a path that is no readable record."""
    if kind in CONTENTS:
        path.write_bytes(CONTENTS[kind])
    elif kind in LINKS:
        path.symlink_to(path.name if kind == "loop" else LINKS[kind])
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(path))
    else:
        with path.open("wb") as file:
            file.truncate(2**27)


KINDS = (*CONTENTS, *LINKS, "folder", "fifo", "socket", "large")


@pytest.mark.skipif(os.name != "posix", reason="plants FIFOs and sockets")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_record_is_said_and_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = synthetic.write_run(tmp_path, [synthetic.cost("lapsrn", 4, 1, 1.0)])
    plant(kind, folder / "jobs" / "odd.json")
    (folder / "run.json").unlink()
    plant(kind, folder / "run.json")
    results = ResultsFolder(folder)
    assert len(results.read()) == 1
    assert [problem.split()[0] for problem in results.problems] == ["odd.json"]
    data = collect(folder)
    assert len(data.cost) == 1
    # A link that leads nowhere is no file at all: there is no description to miss.
    assert len(data.problems) == (1 if kind == "dangling link" else 2)
    key = fingerprint(results, "v")
    plant(kind, folder / ".rendered.json")
    assert rendered(folder, key) == []


@pytest.mark.skipif(os.name != "posix", reason="plants FIFOs and sockets")
@pytest.mark.parametrize("kind", ["folder", "fifo", "dangling link", "loop"])
def test_a_record_is_stored_where_something_else_lies(tmp_path: Path, kind: str) -> None:
    record = synthetic.cost("lapsrn", 4, 1, 1.0)
    results = ResultsFolder(tmp_path)
    results.jobs_dir.mkdir()
    plant(kind, results.jobs_dir / f"{record.id}.json")
    results.write(record)
    assert list(results.read()) == [record.id]
    assert len(list(results.jobs_dir.iterdir())) == 2  # What lay there is kept.


@pytest.mark.parametrize("name", ["../../victim", "/etc/passwd", "a/../../victim"])
def test_a_stamp_names_files_of_its_report_alone(tmp_path: Path, name: str) -> None:
    report = tmp_path / "run" / "report"
    report.mkdir(parents=True)
    (tmp_path / "victim").write_text("x")
    stamp = {"key": "k", "files": {name: "0"}}
    (report / ".rendered.json").write_text(json.dumps(stamp))
    assert rendered(report, "k") == []


HOSTILE: tuple[object, ...] = (
    "\ud800",
    [],
    {},
    {"a": {}},
    [[1]],
    1,
    None,
    True,
    1e308,
    "<b>",
    ["\ud800"],
)


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_any_description_of_a_run_can_be_reported(tmp_path: Path, value: Any) -> None:
    keys = ("config", "environment", "git_commit", "seeds", "datasets", "plan", "latest", "timings")
    described = dict.fromkeys((*keys, "versions"), value)
    folder = synthetic.write_run(tmp_path, [synthetic.cost("lapsrn", 4, 1, 1.0)], described)
    render_report(folder, tmp_path / "report")


def small(results: Path, images: Path) -> RunConfig:
    return RunConfig(
        variants=("bicubic",),
        scales=(2,),
        dataset_folders={"photos": images},
        only=("cost", "quality"),
        results=results,
    )


def test_fresh_deletes_nothing_that_its_plan_does_not_name(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = small(tmp_path / "a" / "results", images)
    run(config)
    results = ResultsFolder(config.results)
    mine = set(results.read())
    elsewhere = synthetic.pictures(config.results, "lapsrn", 4, "Set5", ["a.png"])
    results.write(elsewhere)
    evil = synthetic.pictures(config.results, "bicubic", 2, "photos", ["a.png"]).as_dict()
    victims = [tmp_path / "victim", tmp_path / "a" / "victim", config.results / "victim"]
    for victim in victims:
        victim.mkdir()
        (victim / "precious").write_text("x")
    for number, up in enumerate(("../" * 2, "../" * 3, "../")):
        evil["id"] = f"pictures-x/{up}victim"
        (results.jobs_dir / f"pictures-evil{number}.json").write_text(json.dumps(evil))
    for kept in ("images", "pictures"):
        (config.results / kept).mkdir(exist_ok=True)
        for name in mine:
            (config.results / kept / name).symlink_to(victims[0])
    capsys.readouterr()
    assert run(config, fresh=True) == 0
    assert "pictures-evil0.json is not named by the id" in capsys.readouterr().err
    assert all((victim / "precious").is_file() for victim in victims)
    assert set(results.read()) == mine | {elsewhere.id}


def test_a_run_counts_what_it_asked_for_whatever_the_clock_says(
    tmp_path: Path, images: Path
) -> None:
    """As after the clock was set back: the record that is there is from the future."""
    config = small(tmp_path / "results", images)
    run(config)
    results = ResultsFolder(config.results)
    (record,) = (r for r in results.read().values() if r.kind == "quality")
    future = "2099-01-01T00:00:00+00:00"
    other = replace(synthetic.changed(record, {"algorithm": -1}), started=future)
    results.write(other)
    for _ in range(2):
        run(config)
        assert record.id in (tmp_path / "results" / "quality.csv").read_text()
        assert other.id not in (tmp_path / "results" / "quality.csv").read_text()
    # A run of something else leaves that as it is.
    run(config.model_copy(update={"scales": (4,)}))
    assert other.id not in (tmp_path / "results" / "quality.csv").read_text()


def test_the_record_that_was_asked_for_counts() -> None:
    old = synthetic.cost("lapsrn", 4, 1, 1.0)
    new = replace(synthetic.changed(old, {"algorithm": 2}), started="2027")
    assert current([old, new]) == [new]
    assert current([old, new], {old.id}) == [old]


def test_a_folder_that_cannot_be_listed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jobs").write_text("")
    with pytest.raises(ResultsError, match="Not a directory"):
        ResultsFolder(tmp_path).read()

    def refuse(path: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    # The administrator, as whom tests may run, can list any folder.
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ResultsError, match="Permission denied"):
        ResultsFolder(tmp_path).read()


@pytest.mark.parametrize(
    ("name", "reason"), [("absent", "no folder"), ("file", "no folder"), ("a" * 300, "too long")]
)
def test_what_is_no_results_folder_is_said_by_every_command(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / name
    with pytest.raises(ResultsError, match=reason):
        render_report(folder, tmp_path / "report")
    with pytest.raises(ResultsError, match=reason):
        compare_runs(folder, folder)
    outcome = CliRunner().invoke(show.command, ["lapsrn", "--results", str(folder)])
    assert isinstance(outcome.exception, ResultsError)


def test_a_report_writes_through_no_link_and_removes_what_was_left(tmp_path: Path) -> None:
    folder = synthetic.write_run(tmp_path / "run", sound(tmp_path / "run"))
    report, victim = tmp_path / "run" / "report", tmp_path / "victim"
    victim.mkdir()
    report.mkdir()
    left = [report / ".harness-0123456789abcdef.tmp", victim / ".harness-0123456789abcdef.tmp"]
    for path in left:
        path.write_text("half")
        os.utime(path, (0, 0))
    for name in ("plots", "tables", "pictures"):
        (report / name).symlink_to(victim)
    render_report(folder, report)
    assert list(victim.iterdir()) == left[1:]
    assert not left[0].exists()
    assert list((report / "tables").iterdir())


def test_what_a_killed_run_left_is_removed_in_every_folder(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in (".", "jobs", "images/a-job", "pictures/a-job")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".harness-0123456789abcdef.tmp").write_text("half")
        write_atomically(folder / "kept", "whole")
    with ResultsFolder(tmp_path).locked():
        assert not list(tmp_path.rglob("*.tmp"))
    assert len(list(tmp_path.rglob("kept"))) == len(folders)
