"""Latency jobs: those that are compared are measured together, in a process of their own."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from uuid import uuid4

from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.execute import Ending, Stopwatch, finished
from harness.jobs.latency.models import LatencyConfig, LatencySpec
from harness.networks.brought import use_inputs
from harness.system.environment import affinity, bind_to
from harness.system.processes import Pool

_COMPARED_AT = ("scale", "device", "threads", "batch", "lr_height", "lr_width", "options")
"""Jobs that agree in these differ in variant, dtype, backend and memory format."""

Jobs = list[Job[LatencySpec]]
Measure = Callable[[Jobs, str], list[Record]]


def announcement(n: int, config: RunConfig, device: str) -> str | None:
    """How many networks are about to be timed on a CPU, and for how long."""
    if device != "cpu":
        return None
    options = config.part(LatencyConfig)
    size = f"an HR size of {options.cpu_hr_width}x{options.cpu_hr_height}"
    if options.lr_sizes:
        size = f"LR sizes of {', '.join(options.lr_sizes)}"
    return (
        f"Latency: {n} on the CPU, at {size} pixels, timed in turns for up to about "
        f"{options.max_s + 2 * options.warmup_s:.1f} s each, and of slow networks at least ten "
        "calls."
    )


def groups(jobs: Iterable[Job[LatencySpec]]) -> Iterator[Jobs]:
    """Jobs to measure in one process, taking turns: those that a reader will compare."""

    def setting(job: Job[LatencySpec]) -> tuple[str, ...]:
        return tuple(str(getattr(job.spec, key)) for key in _COMPARED_AT)

    for _, group in groupby(sorted(jobs, key=setting), key=setting):
        yield list(group)


def measure_group(jobs: Jobs, measure: Measure | None = None) -> list[Record]:
    """Measure a group in a fresh process, whose threads are set before torch starts.

    A job that fails has a record that says so, and so has every job if the process dies.

    Args:
        jobs: alike in device and threads.
        measure: what the process runs; for tests.
    """
    watch, group = Stopwatch(), uuid4().hex
    with Pool(1, _set_threads, (int(jobs[0].spec.threads),)) as pool:
        try:
            return pool.submit(measure or _measure, jobs, group).result()
        except BrokenProcessPool:
            reason = (
                f"the process that measured {len(jobs)} networks in turns died (out of memory?); "
                "run the same command again, perhaps with fewer variants or a smaller --lr-size"
            )
            ending = Ending("failed", reason, left={"group": group})
            return [finished(job, watch, ending) for job in jobs]


def _set_threads(threads: int) -> None:
    """Before torch is imported: OpenMP reads its settings once, and never looks again."""
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    bind_to((affinity() or [])[:threads])


def _measure(jobs: Jobs, group: str) -> list[Record]:
    """In the process of the group."""
    from harness.jobs.latency.run import measure_in_turns

    use_inputs(jobs[0].inputs)
    return measure_in_turns(jobs, group)
