"""Latency of one call: warm-up until stable, then samples until the median is known well enough."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

Call = Callable[[], object]


@dataclass(frozen=True)
class LatencyOptions:
    """How long to measure.

    Attributes:
        warmup_s: least time spent on warm-up calls (the first call of all is apart).
        max_s: most time spent on samples; reached with a wide median, the result is ``noisy``.
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


def measure_latency(
    call: Call,
    timer: Timer,
    options: LatencyOptions,
    now: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Measure a call.

    Args:
        call: takes no arguments; what it returns is dropped.
        timer: see :func:`make_timer`.
        options: when to stop.
        now: seconds, monotonic; for tests.

    Returns:
        ``samples_ms`` (in order), ``first_call_ms``, ``warmup_n``, ``stop_reason`` and the
        statistics of :func:`summarise`.
    """
    first_call_ms = timer.time_ms(call)
    warmup = _warm_up(call, timer, options, now)
    samples: list[float] = []
    deadline = now() + options.max_s
    while True:
        samples.append(timer.time_ms(call))
        if len(samples) < options.min_samples:
            continue
        if relative_error_of_median(samples) <= options.target:
            stop_reason = "median known to the target"
            break
        if now() >= deadline:
            stop_reason = "time limit"
            break
    return {
        "samples_ms": samples,
        "first_call_ms": first_call_ms,
        "warmup_n": warmup,
        "stop_reason": stop_reason,
        "noisy": relative_error_of_median(samples) > options.target,
        **summarise(samples),
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
    """``n``, ``median_ms``, ``iqr_ms``, ``mean_ms``, ``min_ms``, ``p5_ms``, ``p90_ms``,
    ``p95_ms``, ``p99_ms`` of samples in milliseconds.
    """
    p5, q1, median, q3, p90, p95, p99 = np.percentile(samples, [5, 25, 50, 75, 90, 95, 99])
    return {
        "n": len(samples),
        "median_ms": float(median),
        "iqr_ms": float(q3 - q1),
        "mean_ms": float(np.mean(samples)),
        "min_ms": float(np.min(samples)),
        "p5_ms": float(p5),
        "p90_ms": float(p90),
        "p95_ms": float(p95),
        "p99_ms": float(p99),
    }
