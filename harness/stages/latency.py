"""Latency jobs: those that are compared are measured together, in a process of their own."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from typing import Any

from harness.jobs import Job, Record
from harness.stages.execute import Stopwatch, failure, finished

REFERENCE = {"channels": 64, "height": 256, "width": 256}
"""Size of the 3x3 convolution that the roofline is taken from."""


def groups(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    """Jobs to measure in one process, taking turns: those that a reader will compare."""

    def setting(job: Job) -> tuple[str, ...]:
        keys = ("scale", "device", "threads", "batch", "options")
        return tuple(str(job.spec[key]) for key in keys)

    for _, group in groupby(sorted(jobs, key=setting), key=setting):
        yield list(group)


def measure_group(jobs: list[Job]) -> list[Record]:
    """Measure a group in a fresh process, whose threads are set before torch starts.

    Raises:
        BrokenProcessPool: the process died.
    """
    threads = jobs[0].spec["threads"]
    with ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_set_threads,
        initargs=(threads,),
    ) as pool:
        return pool.submit(_measure, jobs).result()


def _set_threads(threads: int) -> None:
    """Before torch is imported: OpenMP reads its settings once, and never looks again."""
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _measure(jobs: list[Job]) -> list[Record]:
    """In the process of the group: load, measure in turns, describe."""
    import psutil
    import torch

    from harness.measure.latency import LatencyOptions, make_timer, measure_interleaved

    watch = Stopwatch()
    first = jobs[0].spec
    device = first["device"]
    torch.set_num_threads(first["threads"])
    # What other processes use, so that a reader can tell a busy machine from a quiet one.
    busy_percent = psutil.cpu_percent(interval=0.3)
    calls: dict[str, Callable[[], object]] = {}
    macs: dict[str, int] = {}
    records = []
    for job in jobs:
        try:
            macs[job.id], calls[job.id] = _forward(job)
        except Exception as error:
            records.append(finished(job, watch, *failure(error)))
    macs["reference"], calls["reference"] = _reference(device)
    figures = measure_interleaved(calls, make_timer(device), LatencyOptions(**first["options"]))
    gflops = {name: 2 * macs[name] / figures[name]["median_ms"] / 1e6 for name in calls}
    condition = {
        "busy_percent": busy_percent,
        "load_1min": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "tf32": torch.backends.cudnn.allow_tf32,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "measured_together": [job.spec["variant"]["name"] for job in jobs],
        "reference": {**REFERENCE, "gflops": gflops["reference"]},
    }
    for job in jobs:
        if job.id not in calls:
            continue
        result = {**figures[job.id], **condition, **_memory(calls[job.id], device)}
        result["gflops"] = gflops[job.id]
        result["share_of_reference"] = gflops[job.id] / gflops["reference"]
        records.append(finished(job, watch, "done", None, result))
    return records


def _forward(job: Job) -> tuple[int, Callable[[], object]]:
    """One forward pass of the job's network on random luma: (MACs, call)."""
    import torch

    from harness.backends import prepare
    from harness.stages.networks import load_network

    spec = job.spec
    model = load_network(spec, None, spec["device"])
    shape = (spec["batch"], 1, spec["lr_height"], spec["lr_width"])
    source = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(spec["device"])
    source = source.to(memory_format=torch.channels_last)
    macs = spec["batch"] * model.macs(spec["lr_height"], spec["lr_width"])
    forward = prepare(model, spec["backend"], spec["dtype"], spec["device"], shape)
    return macs, lambda: forward(source)


def _reference(device: str) -> tuple[int, Callable[[], object]]:
    """A large 64-to-64 convolution, the work that these networks are made of: (MACs, call)."""
    import torch

    channels, height, width = REFERENCE.values()
    conv = torch.nn.Conv2d(channels, channels, 3, padding=1).to(device)
    conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    source = torch.rand(1, channels, height, width).to(device)
    source = source.to(memory_format=torch.channels_last)

    def call() -> object:
        with torch.inference_mode():
            return conv(source)

    return 9 * channels**2 * height * width, call


def _memory(call: Callable[[], object], device: str) -> dict[str, Any]:
    """Peak memory of one call, where the device tells it."""
    if device != "cuda":
        return {}
    import torch

    torch.cuda.reset_peak_memory_stats()
    call()
    torch.cuda.synchronize()
    return {"peak_memory_bytes": torch.cuda.max_memory_allocated()}
