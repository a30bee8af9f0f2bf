"""Latency of one call: warm-up until stable, then samples until the median is known well enough."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

Call = Callable[[], object]

N_RESAMPLES = 1000


@dataclass(frozen=True)
class LatencyOptions:
    """How long to measure.

    Attributes:
        warmup_s: least time spent on warm-up calls (the first call of all is apart).
        max_s: most time spent on a call's samples; if the median is still not known to the
            target, the result is ``noisy``.
        min_samples: fewest samples, even beyond ``max_s``.
        target: relative standard error of the median at which sampling ends.
    """

    warmup_s: float = 0.3
    max_s: float = 1.5
    min_samples: int = 5
    target: float = 0.01


class Timer(Protocol):
    """Times one call on one kind of device."""

    def time_ms(self, call: Call) -> float:
        """Run the call and return the milliseconds until its work was done."""


class CPUTimer:
    """Wall clock; torch's CPU operators return when their work is done."""

    def time_ms(self, call: Call) -> float:
        start = time.perf_counter_ns()
        call()
        return (time.perf_counter_ns() - start) / 1e6


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


def make_timer(device: str) -> Timer:
    """The timer of a torch device type (``"cpu"`` or ``"cuda"``)."""
    return CUDATimer() if device == "cuda" else CPUTimer()


@dataclass
class _Series:
    """What was measured of one call so far."""

    first_call_ms: float = 0.0
    warmup_n: int = 0
    samples: list[float] = field(default_factory=list)

    def stop_reason(self, options: LatencyOptions) -> str | None:
        """Why sampling ends here, None while it goes on."""
        if len(self.samples) < options.min_samples:
            return None
        if relative_error_of_median(self.samples) <= options.target:
            return "median known to the target"
        if sum(self.samples) >= 1000 * options.max_s:
            return "time limit"
        return None


def measure_interleaved(
    calls: Mapping[str, Call],
    timer: Timer,
    options: LatencyOptions,
    seed: int = 0,
    now: Callable[[], float] = time.monotonic,
) -> dict[str, dict[str, Any]]:
    """Measure calls that are to be compared, taking turns in random order.

    Every round takes one sample of each call that is not known well enough yet, so that a machine
    that slows down or speeds up meanwhile does so for all alike.

    Args:
        calls: by name; what they return is dropped.
        timer: see :func:`make_timer`.
        options: when to stop, for each call on its own.
        seed: of the order.
        now: seconds, monotonic; for tests.

    Returns:
        By name: ``samples_ms`` (in order), ``first_call_ms``, ``warmup_n``, ``stop_reason``,
        ``noisy`` (the target was not reached) and the statistics of :func:`summarise`.
    """
    rng = np.random.default_rng(seed)
    series = {name: _Series() for name in calls}
    for name in rng.permutation(list(calls)):
        series[name].first_call_ms = timer.time_ms(calls[name])
        series[name].warmup_n = _warm_up(calls[name], timer, options, now)
    active = list(calls)
    while active:
        for name in rng.permutation(active):
            series[name].samples.append(timer.time_ms(calls[name]))
        active = [name for name in active if series[name].stop_reason(options) is None]
    return {
        name: {
            "samples_ms": one.samples,
            "first_call_ms": one.first_call_ms,
            "warmup_n": one.warmup_n,
            "stop_reason": one.stop_reason(options),
            "noisy": relative_error_of_median(one.samples) > options.target,
            **summarise(one.samples),
        }
        for name, one in series.items()
    }


def _warm_up(call: Call, timer: Timer, options: LatencyOptions, now: Callable[[], float]) -> int:
    """Call for the time asked for and until two batches of three agree within 5%, or twice that."""
    times: list[float] = []
    start = now()
    while True:
        times.append(timer.time_ms(call))
        spent = now() - start
        if spent >= 2 * options.warmup_s:
            return len(times)
        if spent >= options.warmup_s and len(times) >= 6:
            before, after = np.median(times[-6:-3]), np.median(times[-3:])
            if abs(after - before) <= 0.05 * before:
                return len(times)


def relative_error_of_median(samples: Sequence[float]) -> float:
    """Standard error of the median over the median, from the interquartile range.

    For a normal distribution the median's standard error is 1.2533 sigma / sqrt(n), and
    sigma = IQR / 1.349; outliers move neither.
    """
    q1, median, q3 = np.percentile(samples, [25, 50, 75])
    return float(1.2533 * (q3 - q1) / 1.349 / math.sqrt(len(samples)) / median)


def summarise(samples: Sequence[float]) -> dict[str, Any]:
    """Statistics of samples in milliseconds.

    Returns:
        ``n``, ``median_ms`` with its 95% bootstrap interval ``median_low_ms`` and
        ``median_high_ms``, ``iqr_ms``, ``mean_ms``, ``min_ms``, ``p5_ms``, ``p90_ms``, ``p95_ms``,
        ``p99_ms``.
    """
    values = np.asarray(samples, dtype=np.float64)
    p5, q1, median, q3, p90, p95, p99 = np.percentile(values, [5, 25, 50, 75, 90, 95, 99])
    draws = np.random.default_rng(0).choice(values, (N_RESAMPLES, len(values)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return {
        "n": len(values),
        "median_ms": float(median),
        "median_low_ms": float(low),
        "median_high_ms": float(high),
        "iqr_ms": float(q3 - q1),
        "mean_ms": float(values.mean()),
        "min_ms": float(values.min()),
        "p5_ms": float(p5),
        "p90_ms": float(p90),
        "p95_ms": float(p95),
        "p99_ms": float(p99),
    }
