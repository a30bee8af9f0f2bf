"""Latency of calls that are compared: warm-up, then turns in random order until enough is known."""

import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from harness.measure.energy import energy_per_call_mj
from harness.measure.nvml import opened
from harness.measure.turns import LatencyOptions, Turns
from harness.statistics.bootstrap import bootstrap, medians

Call = Callable[[], object]

N_RESAMPLES = 1000
FEWEST_WARMUP = 3
PERCENTILES = {"p5_ms": 5, "p90_ms": 90, "p95_ms": 95, "p99_ms": 99}
FEWEST_FOR = {"p95_ms": 20, "p99_ms": 100}
"""Samples that a percentile needs: with fewer it would just be the largest sample."""


class Timer(Protocol):
    """Measures one call on one kind of device."""

    def time_ms(self, call: Call) -> float:
        """Run the call and return the milliseconds until its work was done."""

    def peak_bytes(self, call: Call) -> int | None:
        """Run the call and return the device memory it needed on top of what was allocated
        before, such as other networks' weights; None where the device does not tell.
        """

    def energy_mj(self, call: Call, ms: float) -> float | None:
        """Energy of one call in mJ, from many in a row; None where the device does not tell.

        Args:
            call: to be run.
            ms: that it takes, about.
        """


class CPUTimer:
    """Wall clock; torch's CPU operators return when their work is done."""

    def time_ms(self, call: Call) -> float:
        start = time.perf_counter_ns()
        call()
        return (time.perf_counter_ns() - start) / 1e6

    def peak_bytes(self, call: Call) -> int | None:
        return None

    def energy_mj(self, call: Call, ms: float) -> float | None:
        return None


class CUDATimer:
    """CUDA events around the launch, read after synchronising.

    Args:
        cuda: ``torch.cuda``, or a stand-in for tests.
    """

    def __init__(self, cuda: Any = torch.cuda) -> None:
        self.cuda = cuda

    def time_ms(self, call: Call) -> float:
        start = self.cuda.Event(enable_timing=True)
        end = self.cuda.Event(enable_timing=True)
        # Work that was launched earlier must not run inside the measured interval.
        self.cuda.synchronize()
        start.record()
        call()
        end.record()
        self.cuda.synchronize()
        return float(start.elapsed_time(end))

    def peak_bytes(self, call: Call) -> int | None:
        before = self.cuda.memory_allocated()
        self.cuda.reset_peak_memory_stats()
        call()
        self.cuda.synchronize()
        return int(self.cuda.max_memory_allocated() - before)

    def energy_mj(self, call: Call, ms: float) -> float | None:
        with opened(cuda_uuid(self.cuda)) as gpu:
            if gpu is None:
                return None
            return energy_per_call_mj(call, self.cuda.synchronize, gpu.energy_mj, ms / 1000)


def cuda_uuid(cuda: Any = torch.cuda) -> str:
    """The current GPU as NVML names it."""
    return f"GPU-{cuda.get_device_properties(cuda.current_device()).uuid}"


def make_timer(device: str) -> Timer:
    """The timer of a torch device type (``"cpu"`` or ``"cuda"``)."""
    return CUDATimer() if device == "cuda" else CPUTimer()


@dataclass
class Interleaved:
    """The result of measuring interleaved calls.

    Attributes:
        figures: of each call that never failed: ``samples_ms`` and ``rounds`` (the round that each
            sample was taken in: samples of one round are pairs), ``first_call_ms``, ``warmup_n``,
            ``warmup_stable``, ``stop_reason``, ``noisy`` (the target was not reached, or the time
            was up before anyone looked) and the statistics of :func:`summarise`.
        failures: the error of each call that raised one; it took no further turns.
        peak_bytes: see :meth:`Timer.peak_bytes`, of the calls where the device tells.
        energy_mj: see :meth:`Timer.energy_mj`, likewise.
        seconds: that each call took in all, warm-up included.
    """

    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    energy_mj: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass
class _Series:
    """What was measured of one call so far."""

    call: Call
    first_call_ms: float = 0.0
    warmup_n: int = 0
    warmup_stable: bool = False
    samples: list[float] = field(default_factory=list)


def measure_interleaved(
    calls: Mapping[str, Call],
    timer: Timer,
    options: LatencyOptions,
    *,
    references: Collection[str] = (),
    during: AbstractContextManager[object] | None = None,
    seed: int = 0,
    now: Callable[[], float] = time.monotonic,
) -> Interleaved:
    """Measure calls that are to be compared, taking turns in random order.

    Every round takes one sample of every call that still needs some: a machine that slows down or
    speeds up does so for all alike, and the samples of a round are pairs. References rest after
    ``FIRST_LOOK`` rounds, and so do calls whose time is far from every other's, once their median
    is known to the target or they have ``min_samples``: the time goes to those that are close. The
    rounds end when the medians of these are known to the target and their ratios to the margin, or
    when the time is up.

    Args:
        calls: by name; what they return is dropped.
        timer: see :func:`make_timer`.
        options: when to stop.
        references: names of calls that take their turns but decide nothing about the end.
        during: entered before the first sample and left after the last.
        seed: of the order.
        now: seconds, monotonic; for tests.
    """
    rng = np.random.default_rng(seed)
    series = {name: _Series(call) for name, call in calls.items()}
    result = Interleaved()

    def for_each_call(step: Callable[[str, _Series], None], but: Collection[str] = ()) -> None:
        for name in map(str, rng.permutation([name for name in series if name not in but])):
            start = now()
            try:
                step(name, series[name])
            except Exception as error:
                # The frames hold what the call had allocated; after "out of memory" that matters.
                traceback.clear_frames(error.__traceback__)
                result.failures[name] = error
                del series[name]
            result.seconds[name] += now() - start

    def warm_up(_: str, one: _Series) -> None:
        one.first_call_ms = timer.time_ms(one.call)
        one.warmup_n, one.warmup_stable = _warm_up(one.call, timer, options, now)

    def sample(_: str, one: _Series) -> None:
        one.samples.append(timer.time_ms(one.call))

    def measure_beside(name: str, one: _Series) -> None:
        if name not in references:
            _measure_beside(name, one, timer, result)

    turns = Turns(options, references)
    for_each_call(warm_up)
    with during or nullcontext():
        while turns.go_on({name: one.samples for name, one in series.items()}):
            for_each_call(sample, turns.resting)
    for_each_call(measure_beside)
    for name, one in series.items() if turns.rounds else ():
        result.figures[name] = {
            "samples_ms": one.samples,
            "rounds": list(range(len(one.samples))),
            "first_call_ms": one.first_call_ms,
            "warmup_n": one.warmup_n,
            "warmup_stable": one.warmup_stable,
            "stop_reason": turns.reason(name),
            "noisy": turns.is_noisy(name, one.samples),
            **summarise(one.samples),
        }
    return result


def _measure_beside(name: str, one: _Series, timer: Timer, result: Interleaved) -> None:
    """After the samples: what the device tells of memory and energy."""
    if (peak := timer.peak_bytes(one.call)) is not None:
        result.peak_bytes[name] = peak
    if not one.samples:
        return
    if (energy := timer.energy_mj(one.call, float(np.median(one.samples)))) is not None:
        result.energy_mj[name] = energy


def _warm_up(
    call: Call, timer: Timer, options: LatencyOptions, now: Callable[[], float]
) -> tuple[int, bool]:
    """Call for the time asked for and until stable, or four times as long: (calls, stable)."""
    times: list[float] = []
    start = now()
    while True:
        times.append(timer.time_ms(call))
        spent = now() - start
        if len(times) < FEWEST_WARMUP or spent < options.warmup_s:
            continue
        if _stable(times) or spent >= 4 * options.warmup_s:
            return len(times), _stable(times)


def _stable(times: Sequence[float]) -> bool:
    """Whether the medians of the last two batches, of up to three calls each, agree within 5%."""
    k = min(3, len(times) // 2)
    before, after = np.median(times[-2 * k : -k]), np.median(times[-k:])
    return bool(abs(after - before) <= 0.05 * before)


def summarise(samples: Sequence[float]) -> dict[str, Any]:
    """Statistics of samples in milliseconds.

    Returns:
        ``n``, ``median_ms`` with its 95% bootstrap interval ``median_low_ms`` and
        ``median_high_ms``, ``iqr_ms``, ``mean_ms``, ``min_ms`` and the ``PERCENTILES``; of these
        are None whose ``FEWEST_FOR`` is more than there are.
    """
    values = np.asarray(samples, dtype=np.float64)
    q1, median, q3, *further = np.percentile(values, [25, 50, 75, *PERCENTILES.values()])
    draws = bootstrap(values, medians, seed=0, resamples=N_RESAMPLES)
    low, high = np.percentile(draws, [2.5, 97.5])
    figures = {
        "n": len(values),
        "median_ms": float(median),
        "median_low_ms": float(low),
        "median_high_ms": float(high),
        "iqr_ms": float(q3 - q1),
        "mean_ms": float(values.mean()),
        "min_ms": float(values.min()),
        **dict(zip(PERCENTILES, map(float, further), strict=True)),
    }
    return figures | {name: None for name, n in FEWEST_FOR.items() if len(values) < n}
