"""From a job to its record, whatever happens: the function that executors call."""

import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from harness.environment import describe
from harness.errors import HarnessError
from harness.jobs import Job, Record, Status
from variants.errors import VariantError


def execute(job: Job) -> Record:
    """Run a job and describe the outcome.

    An error becomes a ``failed`` record, so that the other jobs go on; interrupts pass through.
    Picklable, free of global state: any ``concurrent.futures`` executor can call it.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    result: dict[str, Any] = {}
    status: Status = "done"
    reason = None
    if job.kind in ("quality", "pictures") and _lacks_weights(job):
        status, reason = "no_weights", "no weights yet"
    else:
        try:
            result = _stage(job.kind)(job)
        except (HarnessError, VariantError) as error:
            status, reason = "failed", str(error)
        except Exception as error:
            status, reason = "failed", f"{type(error).__name__}: {error}"
            result = {"traceback": traceback.format_exc()}
    return Record(
        id=job.id,
        kind=job.kind,
        spec=dict(job.spec),
        status=status,
        reason=reason,
        result=result,
        started=started.isoformat(),
        seconds=time.perf_counter() - clock,
        environment=describe(job.spec.get("device", job.inputs.get("device", "cpu"))),
    )


def _lacks_weights(job: Job) -> bool:
    has_network = job.spec["variant"]["architecture"]["upsampler"] is not None
    return has_network and job.spec["weights"]["sha256"] is None


def _stage(kind: str) -> Callable[[Job], dict[str, Any]]:
    run: Callable[[Job], dict[str, Any]] = import_module(f"harness.stages.{kind}").run
    return run
