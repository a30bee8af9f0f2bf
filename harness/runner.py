"""Executes a plan: what is recorded already is not done again, what finishes is stored at once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError
from harness.jobs import Job, Record
from harness.results import FINAL, ResultsFolder
from harness.stages.execute import execute

OnRecord = Callable[[Job, Record, bool], None]
"""Called per job with its record and whether it was there before."""


class SerialExecutor(Executor):
    """Runs each job at once in this process; the default of the executor seam."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        reused: jobs whose record was there before.
        executed: jobs done now.
        failed: records of jobs that failed now.
    """

    reused: int = 0
    executed: int = 0
    failed: list[Record] = field(default_factory=list)


@contextmanager
def make_executor(workers: int) -> Iterator[Executor]:
    """One process per worker, or this process for one worker.

    Any other :class:`concurrent.futures.Executor` fits as well: job schedulers offer such.
    """
    if workers == 1:
        yield SerialExecutor()
        return
    import multiprocessing

    from harness.stages.workers import start_worker

    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=start_worker,
        initargs=(workers,),
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def run_jobs(
    jobs: Iterable[Job], folder: ResultsFolder, executor: Executor, on_record: OnRecord
) -> Outcome:
    """Execute jobs that have no final record yet and store their records.

    Latency jobs run after all others and one at a time in this process, so that nothing of this
    run disturbs them.

    Raises:
        ResultsError: a record cannot be stored.
        HarnessError: a worker process died.
    """
    outcome = Outcome()
    records = folder.read()
    todo: list[Job] = []
    for job in {job.id: job for job in jobs}.values():
        known = records.get(job.id)
        if known is not None and known.status in FINAL:
            outcome.reused += 1
            on_record(job, known, True)
        else:
            todo.append(job)
    together = [job for job in todo if job.kind != "latency"]
    alone = [job for job in todo if job.kind == "latency"]
    try:
        for group, chosen in ((together, executor), (alone, SerialExecutor())):
            for job, record in _completed(group, chosen):
                folder.write(record)
                records[record.id] = record
                outcome.executed += 1
                if record.status == "failed":
                    outcome.failed.append(record)
                folder.collate(records.values())
                on_record(job, record, False)
    except BrokenProcessPool as error:
        raise HarnessError(
            "a worker process died (out of memory?). What was recorded is intact; run the same "
            "command again, perhaps with fewer --workers."
        ) from error
    if not outcome.executed:
        folder.collate(records.values())
    return outcome


def _completed(jobs: list[Job], executor: Executor) -> Iterator[tuple[Job, Record]]:
    if isinstance(executor, SerialExecutor):
        for job in jobs:
            yield job, execute(job)
        return
    futures = {executor.submit(execute, job): job for job in jobs}
    for future in as_completed(futures):
        yield futures[future], future.result()
