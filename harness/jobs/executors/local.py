"""On one machine: one job after the other in this process, or several in processes of their own."""

import multiprocessing
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from harness.errors import HarnessError
from harness.jobs.base import Job, Record
from harness.jobs.estimate import Estimator
from harness.jobs.executor import Execute, Executor, ExecutorModule, MeasureAlone
from harness.jobs.workers import start_worker
from harness.system.processes import Pool


class SerialExecutor(Executor):
    """Runs each job in this process, when the record of the one before was taken."""

    def completed(
        self, execute: Execute, jobs: Sequence[Job], known: Collection[Record]
    ) -> Iterator[tuple[Job, Record]]:
        for job in jobs:
            yield job, execute(job)


class Workers(Pool, Executor):
    """Processes that all start with the first job; the pool's own start one by one."""

    def __init__(self, workers: int, *, bound: bool = True) -> None:
        started = multiprocessing.get_context("spawn").Value("i", 0)
        super().__init__(workers, start_worker, (workers, started, bound))
        self._not_started = workers

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        while self._not_started > 1:
            self._not_started -= 1
            super().submit(int)
        return future

    def completed(
        self, execute: Execute, jobs: Sequence[Job], known: Collection[Record]
    ) -> Iterator[tuple[Job, Record]]:
        """As :meth:`Executor.completed`, the jobs that take longest first.

        Raises:
            HarnessError: a worker process died.
        """
        try:
            # A worker orders them: it loads torch in any case, this process need not.
            ordered = self.submit(Estimator(known).longest_first, jobs).result()
            futures = {self.submit(execute, job): job for job in ordered}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise HarnessError(
                "a worker process died (out of memory?). What was recorded is intact; run the "
                "same command again, perhaps with fewer --workers."
            ) from error

    def alone(self, measure: MeasureAlone, jobs: list[Job]) -> list[Record]:
        """As :meth:`Executor.alone`; the processes end before, and take no further jobs."""
        self.shutdown()
        return measure(jobs)


@contextmanager
def make_executor(workers: int, *, bound: bool = True) -> Iterator[Executor]:
    """One process per worker, see :class:`Opening`, or this process for one worker."""
    if workers == 1:
        yield SerialExecutor()
        return
    with Workers(workers, bound=bound) as pool:
        yield pool


EXECUTOR = ExecutorModule(open=lambda opening: make_executor(opening.workers, bound=opening.bound))
