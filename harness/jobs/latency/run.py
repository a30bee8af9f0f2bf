"""What the process of a group of latency jobs does: load, measure in turns, describe."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from harness.backends import FLOATING, get_backend, prepare
from harness.jobs.base import Job, Record
from harness.jobs.execute import Ending, Stopwatch, failure, finished
from harness.jobs.latency.models import LatencyResult, LatencySpec
from harness.measure.host_load import HostLoad
from harness.measure.latency import (
    Interleaved,
    Timer,
    cuda_uuid,
    make_timer,
    measure_interleaved,
)
from harness.measure.nvml import opened
from harness.measure.peak import Reference, best, gflops, references
from harness.measure.turns import LatencyOptions
from harness.networks.load import load_network
from harness.system.environment import affinity, load_1min


@dataclass(frozen=True)
class _Network:
    """A network ready to be timed.

    Attributes:
        call: one forward pass.
        macs: of the pass, over the batch.
        weight_bytes: parameters and buffers as loaded.
        tells_memory: False where the allocator does not tell what a pass needs.
        seconds: that loading took.
    """

    call: Callable[[], object]
    macs: int
    weight_bytes: int
    tells_memory: bool
    seconds: float


def measure_in_turns(jobs: list[Job[LatencySpec]], group: str) -> list[Record]:
    """One record per job, whatever fails.

    Args:
        jobs: alike in device, threads and options.
        group: names what is measured together; stored with every record.
    """
    watch = Stopwatch()
    first = jobs[0].spec
    device = first.device
    torch.set_num_threads(int(first.threads))
    networks: dict[str, _Network] = {}
    endings: dict[str, Ending] = {}
    told = {"group": group}
    for job in jobs:
        try:
            networks[job.id] = _load(job)
        except Exception as error:
            endings[job.id] = failure(error)
    timer = make_timer(device)
    dtypes = sorted({job.spec.dtype for job in jobs if job.id in networks})
    beside = _references(dtypes, device, timer)
    host_load = HostLoad(lambda: _clocks(device))
    measured = measure_interleaved(
        {name: network.call for name, network in networks.items()}
        | {name: reference.call for name, (_, reference) in beside.items()},
        timer,
        LatencyOptions(**(first.options.stored() if first.options else {})),
        references=beside,
        during=host_load,
    )
    endings |= {name: failure(error) for name, error in measured.failures.items()}
    roofline = _roofline(dtypes, beside, measured)
    condition = {
        "busy_percent": host_load.busy_percent,
        "clocks": host_load.clocks,
        **_settings(device),
    }
    records: list[Record] = []
    for job in jobs:
        network, ending = networks.get(job.id), endings.get(job.id)
        if ending is None:
            try:
                figures = _figures(job.id, networks[job.id], measured, roofline[job.spec.dtype])
                result = LatencyResult.model_validate(figures | condition | told)
                ending = Ending("done", result=result)
            except Exception as error:
                ending = failure(error)
        if ending.result is None:
            ending = replace(ending, left={**ending.left, **told})
        record = finished(job, watch, ending)
        seconds = measured.seconds.get(job.id, 0.0) + (network.seconds if network else 0.0)
        records.append(replace(record, seconds=seconds))
    return records


def _load(job: Job[LatencySpec]) -> _Network:
    """The job's network, to be called on random pixels."""
    start = time.perf_counter()
    spec = job.spec
    model = load_network(spec, None, spec.device)
    batch = int(spec.batch)
    shape = (batch, model.channels, spec.lr_height, spec.lr_width)
    source = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(spec.device)
    forward = prepare(model, spec.backend, spec.dtype, spec.device, shape)
    tensors = [*model.parameters(), *model.buffers()]
    return _Network(
        call=lambda: forward(source),
        macs=batch * model.macs(spec.lr_height, spec.lr_width),
        weight_bytes=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
        tells_memory=not get_backend(spec.backend).keeps_buffers,
        seconds=time.perf_counter() - start,
    )


def _references(
    dtypes: Iterable[str], device: str, timer: Timer
) -> dict[str, tuple[str, Reference]]:
    """By name: a dtype and a reference for it, to be measured among the networks."""
    return {
        f"{dtype} {reference.kind} {reference.macs}": (dtype, reference)
        for dtype in dtypes
        if dtype in FLOATING  # Torch has no convolution in int8 to compare with.
        for reference in references(getattr(torch, dtype), device, timer)
    }


def _roofline(
    dtypes: Iterable[str], beside: Mapping[str, tuple[str, Reference]], measured: Interleaved
) -> dict[str, dict[str, Any]]:
    """Per dtype, what was reached at most."""
    reached: dict[str, dict[Reference, float]] = {dtype: {} for dtype in dtypes}
    for name, (dtype, reference) in beside.items():
        if name in measured.figures:
            reached[dtype][reference] = measured.figures[name]["median_ms"]
    return {dtype: best(dtype, medians) for dtype, medians in reached.items()}


def _figures(
    name: str, network: _Network, measured: Interleaved, reference: Mapping[str, Any]
) -> dict[str, Any]:
    """What was measured of a network; speed is None for what has no MACs."""
    figures = measured.figures[name]
    speed = gflops(network.macs, figures["median_ms"]) if network.macs else None
    most = reference["gflops"]
    share = speed / most if speed and most else None
    peak = measured.peak_bytes.get(name) if network.tells_memory else None
    return {
        **figures,
        "gflops": speed,
        "reference": reference,
        "share_of_reference": share,
        **({} if peak is None else {"peak_memory_bytes": peak + network.weight_bytes}),
        **({} if name not in measured.energy_mj else {"energy_mj": measured.energy_mj[name]}),
    }


def _settings(device: str) -> dict[str, Any]:
    """What bears on speed and was left as torch has it; CUDA's only where it runs."""
    cuda = device == "cuda"
    tf32 = {
        "cudnn": torch.backends.cudnn.allow_tf32,
        "matmul": torch.backends.cuda.matmul.allow_tf32,
    }
    return {
        "load_1min": load_1min(),
        "affinity": affinity(),
        "tf32": tf32 if cuda else None,
        "cudnn_benchmark": torch.backends.cudnn.benchmark if cuda else None,
    }


def _clocks(device: str) -> dict[str, Any] | None:
    """The GPU's clocks now."""
    if device != "cuda":
        return None
    with opened(cuda_uuid()) as gpu:
        return None if gpu is None else gpu.clocks()
