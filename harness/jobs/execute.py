"""From a job to its record, whatever happens: the function that executors call."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness.backends import BackendUnavailableError
from harness.errors import HarnessError
from harness.jobs.base import Job, Record, S, Status
from harness.jobs.kinds import kinds
from harness.jobs.specs import Result
from harness.networks.brought import use_inputs
from harness.system.environment import describe
from harness.system.interrupts import raise_interrupt
from variants.errors import VariantError


@dataclass(frozen=True)
class Ending:
    """How a job went: what :class:`harness.jobs.base.Record` says of it."""

    status: Status
    reason: str | None = None
    result: Result | None = None
    left: Mapping[str, Any] = field(default_factory=dict)


class Stopwatch:
    """When something began, and the seconds since."""

    def __init__(self) -> None:
        self.started, self._clock = datetime.now(UTC), time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._clock


def execute(job: Job) -> Record:
    """Run a job of one of the kinds and describe the outcome, as :func:`recorded`.

    Picklable, free of global state: any ``concurrent.futures`` executor can call it.
    """
    kind = kinds()[job.kind]
    if kind.needs_weights and job.spec.lacks_weights:
        return finished(job, Stopwatch(), Ending("no_weights", "no weights yet"))
    return recorded(job, lambda job: kind.module("run").run(job))


def recorded(job: Job[S], run: Callable[[Job[S]], Result | None]) -> Record[S, Result]:
    """Run a job by a function and describe the outcome.

    An error becomes a ``failed`` record, so that the other jobs go on; interrupts pass through.

    Raises:
        PluginError: a plug-in is not what the job was planned with: no further job can go on.
    """
    use_inputs(job.inputs)
    watch = Stopwatch()
    try:
        ending = Ending("done", result=run(job))
    except Exception as error:
        raise_interrupt()
        ending = failure(error)
    return finished(job, watch, ending)


def failure(error: Exception) -> Ending:
    """How a record describes an error: a sentence, and the traceback of an unexpected one."""
    if isinstance(error, BackendUnavailableError):
        return Ending("unavailable", str(error))
    if isinstance(error, HarnessError | VariantError):
        return Ending("failed", str(error))
    left = {"traceback": "".join(traceback.format_exception(error))}
    return Ending("failed", f"{type(error).__name__}: {error}", left=left)


def finished(job: Job[S], watch: Stopwatch, ending: Ending) -> Record[S, Result]:
    """The record of a job that has ended."""
    return Record(
        id=job.id,
        kind=job.kind,
        spec=job.spec,
        status=ending.status,
        reason=ending.reason,
        result=ending.result,
        started=watch.started.isoformat(),
        seconds=watch.seconds,
        environment=describe(job.inputs.get("device", "cpu")),
        left=ending.left,
        schema=kinds()[job.kind].schema if job.kind in kinds() else 1,
    )
