"""From a job to its record, whatever happens: the function that executors call."""

import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from harness.backends import BackendUnavailableError
from harness.errors import HarnessError
from harness.jobs.base import Job, Record, Status
from harness.system.environment import describe
from harness.system.interrupts import raise_interrupt
from variants.errors import VariantError

Ending = tuple[Status, str | None, dict[str, Any]]
"""Status, reason and result of a job."""


class Stopwatch:
    """When something began, and the seconds since."""

    def __init__(self) -> None:
        self.started, self._clock = datetime.now(UTC), time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._clock


def execute(job: Job) -> Record:
    """Run a job and describe the outcome.

    An error becomes a ``failed`` record, so that the other jobs go on; interrupts pass through.
    Picklable, free of global state: any ``concurrent.futures`` executor can call it.
    """
    watch = Stopwatch()
    if job.kind in ("quality", "pictures") and lacks_weights(job):
        return finished(job, watch, "no_weights", "no weights yet", {})
    try:
        return finished(job, watch, "done", None, _stage(job.kind)(job))
    except Exception as error:
        raise_interrupt()
        return finished(job, watch, *failure(error))


def failure(error: Exception) -> Ending:
    """How a record describes an error: a sentence, and the traceback of an unexpected one."""
    if isinstance(error, BackendUnavailableError):
        return "unavailable", str(error), {}
    if isinstance(error, HarnessError | VariantError):
        return "failed", str(error), {}
    result = {"traceback": "".join(traceback.format_exception(error))}
    return "failed", f"{type(error).__name__}: {error}", result


def finished(
    job: Job, watch: Stopwatch, status: Status, reason: str | None, result: Mapping[str, Any]
) -> Record:
    """The record of a job that has ended."""
    return Record(
        id=job.id,
        kind=job.kind,
        spec=dict(job.spec),
        status=status,
        reason=reason,
        result=result,
        started=watch.started.isoformat(),
        seconds=watch.seconds,
        environment=describe(job.spec.get("device", job.inputs.get("device", "cpu"))),
    )


def lacks_weights(job: Job) -> bool:
    """Whether the job's network has nothing to evaluate yet."""
    has_network = job.spec["variant"]["architecture"]["upsampler"] is not None
    return has_network and job.spec["weights"]["sha256"] is None


def _stage(kind: str) -> Callable[[Job], dict[str, Any]]:
    run: Callable[[Job], dict[str, Any]] = import_module(f"harness.jobs.{kind}.run").run
    return run
