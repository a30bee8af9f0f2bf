"""Executes a plan: what is recorded already is not done again, what finishes is stored at once."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from harness.errors import ResultsError
from harness.jobs.base import Job, JobKind, Record
from harness.jobs.execute import execute
from harness.jobs.executor import Executor
from harness.jobs.store import FINAL, ResultsFolder
from harness.system.interrupts import raise_interrupt

COLLATE_EVERY_S = 5.0
"""How often the tables are written while jobs come in: that takes longer the more there are."""


class Progress(Protocol):
    """Who is told how far a run is."""

    def update(self, job: Job, record: Record, reused: bool) -> None:
        """A job is finished; ``reused`` if its record was there before."""


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
            HarnessError: the executor can execute no more.
        """
        with self._tables_in_the_end():
            if todo := self._todo(jobs):
                known = self.records.values()
                for job, record in self.executor.completed(execute, todo, [*known]):
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
                for record in self.executor.alone(group_module.measure_group, [*todo.values()]):
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
