"""The runner: tables keep up with records, cheaply."""

from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest

from harness.errors import ResultsError
from harness.jobs import runner
from harness.jobs.base import Job, Record
from harness.jobs.cost.kind import KIND
from harness.jobs.cost.models import CostResult, CostSpec
from harness.jobs.executor import Executor
from harness.jobs.executors.local import SerialExecutor
from harness.jobs.runner import Runner
from harness.jobs.store import ResultsFolder


class Silent:
    def update(self, job: Job, record: Record, reused: bool) -> None:
        pass


class Folder(ResultsFolder):
    """Counts how often tables are written."""

    written = 0

    def collate(self, records: Any) -> None:
        self.written += 1
        super().collate(records)


TIME = "2026-01-01T00:00:00+00:00"


def cost_jobs(n: int) -> list[Job[CostSpec]]:
    variant = {"name": "v", "label": "V", "architecture": {"upsampler": None}}
    size = {"hr_height": 8, "hr_width": 8, "weights": {"label": "any"}}
    return [KIND.job({"variant": variant, "scale": scale, **size}) for scale in range(1, n + 1)]


def record(job: Job) -> Record:
    result = CostResult(params=1, macs=1)
    return Record(job.id, job.kind, job.spec, "done", None, result, TIME, 0, {})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setattr(runner, "execute", record)
    folder = Folder(tmp_path)
    folder.jobs_dir.mkdir()
    return folder


def rows(folder: ResultsFolder) -> int:
    return len(pd.read_csv(folder.path / "cost.csv"))


def test_tables_are_not_written_for_every_job(folder: Folder) -> None:
    Runner(folder, SerialExecutor(), Silent()).run(cost_jobs(50))
    assert rows(folder) == 50
    assert folder.written == 2  # What was there before, and all.


def test_tables_are_written_now_and_then(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "COLLATE_EVERY_S", 0)
    seen = []

    class Watching(Silent):
        def update(self, job: Job, record: Record, reused: bool) -> None:
            seen.append(rows(folder))

    Runner(folder, SerialExecutor(), Watching()).run(cost_jobs(4))
    assert seen == [1, 2, 3, 4]


def test_a_finished_run_writes_them_once(folder: Folder) -> None:
    Runner(folder, SerialExecutor(), Silent()).run(cost_jobs(3))
    folder.written = 0
    Runner(folder, SerialExecutor(), Silent()).run(cost_jobs(3))
    assert folder.written == 1


def test_a_finished_run_starts_no_worker(folder: Folder) -> None:
    class Untouched(Executor):
        def completed(self, *_: object) -> NoReturn:
            raise AssertionError("nothing is left to do")

    jobs = cost_jobs(3)
    Runner(folder, SerialExecutor(), Silent()).run(jobs)
    finished = Runner(folder, Untouched(), Silent())
    finished.run(jobs)
    assert finished.outcome.reused == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, ResultsError])
def test_a_run_that_ends_early_leaves_tables_of_what_was_done(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    jobs = cost_jobs(3)

    def stop(job: Job) -> Record:
        if job is jobs[2]:
            raise error
        return record(job)

    monkeypatch.setattr(runner, "execute", stop)
    with pytest.raises(error):
        Runner(folder, SerialExecutor(), Silent()).run(jobs)
    assert rows(folder) == 2


def test_the_first_error_is_told(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Runner(folder, SerialExecutor(), Silent())

    def full(*_: object) -> None:
        raise ResultsError("no table")

    def no_record(_: Record) -> None:
        raise ResultsError("no record")

    monkeypatch.setattr(folder, "collate", full)
    monkeypatch.setattr(folder, "write", no_record)
    with pytest.raises(ResultsError, match="no record"):
        made.run(cost_jobs(1))
