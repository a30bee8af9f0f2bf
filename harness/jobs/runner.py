"""Executes a plan: what is recorded already is not done again, what finishes is stored at once."""

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.errors import HarnessError, ResultsError
from harness.jobs.base import Job, JobKind, Record
from harness.jobs.estimate import Estimator
from harness.jobs.execute import execute
from harness.jobs.kinds import kinds
from harness.jobs.store import FINAL, ResultsFolder
from harness.jobs.workers import start_worker
from harness.system.interrupts import raise_interrupt
from harness.system.processes import Pool

COLLATE_EVERY_S = 5.0
"""How often the tables are written while jobs come in: that takes longer the more there are."""


class Progress(Protocol):
    """Who is told how far a run is."""

    def update(self, job: Job, record: Record, reused: bool) -> None:
        """A job is finished; ``reused`` if its record was there before."""


class SerialExecutor(Executor):
    """Runs each job at once in this process; the default of the executor seam."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Workers(Pool):
    """Processes that all start with the first job; the pool's own start one by one."""

    def __init__(self, workers: int) -> None:
        started = multiprocessing.get_context("spawn").Value("i", 0)
        super().__init__(workers, start_worker, (workers, started))
        self._not_started = workers

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        while self._not_started > 1:
            self._not_started -= 1
            super().submit(int)
        return future


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        reused: jobs whose record was there before.
        records: of jobs executed now.
    """

    reused: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def executed(self) -> int:
        """Jobs done now."""
        return len(self.records)

    @property
    def failed(self) -> list[Record]:
        """Records of jobs that failed now."""
        return [record for record in self.records if record.status == "failed"]


@contextmanager
def make_executor(workers: int) -> Iterator[Executor]:
    """One process per worker, or this process for one worker.

    Any other :class:`concurrent.futures.Executor` fits as well: job schedulers offer such.
    """
    if workers == 1:
        yield SerialExecutor()
        return
    with Workers(workers) as pool:
        yield pool


class Runner:
    """Executes jobs that have no final record yet, and stores each record as it comes.

    Args:
        folder: a locked results folder.
        executor: where jobs run.
        progress: told of every job.

    Attributes:
        records: all records of the folder, by the id of the job that they answer.
        outcome: what was done so far.
    """

    def __init__(self, folder: ResultsFolder, executor: Executor, progress: Progress) -> None:
        self.folder, self.executor, self.progress = folder, executor, progress
        self.records = {record.job_id: record for record in folder.read().values()}
        self.outcome = Outcome()
        # The tables of a run that was killed may lag behind its records.
        self._collate()

    def run(self, jobs: Iterable[Job]) -> None:
        """Execute jobs on the executor.

        Raises:
            ResultsError: a record cannot be stored.
            HarnessError: a worker process died.
        """
        with _worker_deaths_explained(), self._tables_in_the_end():
            for job, record in self._completed(self._todo(jobs)):
                self._store(job, record)

    def run_alone(
        self, kind: JobKind, jobs: Iterable[Job], announce: Callable[[int], object] = lambda _: None
    ) -> None:
        """Measure jobs of a kind that runs alone, when nothing else of this run is under way.

        A job without any record is measured together with all that it is compared with, recorded
        or not: what was measured at another time is no pair to it.

        Args:
            kind: its ``group.py`` says what is measured together, and measures it.
            jobs: of this kind.
            announce: told how many will be measured, before the first.

        Raises:
            ResultsError: a record cannot be stored.
        """
        with self._tables_in_the_end():
            group_module = kind.module("group")
            together: list[dict[str, Job]] = []
            for group in group_module.groups({job.id: job for job in jobs}.values()):
                newcomers = any(job.id not in self.records for job in group)
                todo = {job.id: job for job in (group if newcomers else self._todo(group))}
                together += [todo] if todo else []
            if together:
                announce(sum(map(len, together)))
            for todo in together:
                for record in group_module.measure_group([*todo.values()]):
                    self._store(todo[record.id], record)

    def _todo(self, jobs: Iterable[Job]) -> list[Job]:
        todo: list[Job] = []
        for job in {job.id: job for job in jobs}.values():
            known = self.records.get(job.id)
            if known is not None and known.status in FINAL:
                self.outcome.reused += 1
                self.progress.update(job, known, True)
            else:
                todo.append(job)
        return todo

    def _store(self, job: Job, record: Record) -> None:
        self.folder.write(record)
        self.records[record.id] = record
        self.outcome.records.append(record)
        if time.monotonic() - self._collated > COLLATE_EVERY_S:
            self._collate()
        self.progress.update(job, record, False)
        raise_interrupt()

    def _completed(self, jobs: list[Job]) -> Iterator[tuple[Job, Record]]:
        if isinstance(self.executor, SerialExecutor):
            for job in jobs:
                yield job, execute(job)
            return
        on_images = [job for job in jobs if kinds()[job.kind].on_images]
        ordered = [job for job in jobs if not kinds()[job.kind].on_images]
        if on_images:
            # A worker orders them: it loads torch in any case, this process need not.
            longest_first = Estimator(self.records.values()).longest_first
            ordered += self.executor.submit(longest_first, on_images).result()
        futures = {self.executor.submit(execute, job): job for job in ordered}
        for future in as_completed(futures):
            yield futures[future], future.result()

    def _collate(self) -> None:
        self.folder.collate(self.records.values())
        self._n_collated, self._collated = self.outcome.executed, time.monotonic()

    @contextmanager
    def _tables_in_the_end(self) -> Iterator[None]:
        """Write the tables if they lack a record, also where a run ends early."""
        try:
            yield
        except BaseException:
            # Tables can be made from the records again; the first error is the one to tell.
            with suppress(ResultsError):
                self._collate()
            raise
        if self._n_collated != self.outcome.executed:
            self._collate()


@contextmanager
def _worker_deaths_explained() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise HarnessError(
            "a worker process died (out of memory?). What was recorded is intact; run the same "
            "command again, perhaps with fewer --workers."
        ) from error
