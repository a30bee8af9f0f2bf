"""Latency: the order of calls on a device, and when sampling stops."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.latency import (
    CPUTimer,
    CUDATimer,
    LatencyOptions,
    measure_interleaved,
    relative_error_of_median,
    summarise,
)


class FakeCUDA:
    """Records the order of calls; the device's clock moves by 2 ms per launch."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.clock = 0.0

    def synchronize(self) -> None:
        self.calls.append("synchronize")

    def Event(self, enable_timing: bool) -> Any:  # noqa: N802
        assert enable_timing
        return FakeEvent(self)

    def launch(self) -> None:
        self.calls.append("launch")
        self.clock += 2.0


class FakeEvent:
    def __init__(self, cuda: FakeCUDA) -> None:
        self.cuda, self.at = cuda, 0.0

    def record(self) -> None:
        self.cuda.calls.append("event")
        self.at = self.cuda.clock

    def elapsed_time(self, end: "FakeEvent") -> float:
        assert self.cuda.calls[-1] == "synchronize", "elapsed time was read before synchronising"
        return end.at - self.at


def test_cuda_order_of_calls() -> None:
    cuda = FakeCUDA()
    assert CUDATimer(cuda).time_ms(cuda.launch) == 2.0
    assert cuda.calls == ["synchronize", "event", "launch", "event", "synchronize"]


def test_cuda_measurement_warms_up_first() -> None:
    cuda = FakeCUDA()
    ticks = iter(np.arange(0, 1000, 0.1))
    options = LatencyOptions(warmup_s=0.5, max_s=1, min_samples=5)
    calls = {"net": cuda.launch}
    timer = CUDATimer(cuda)
    result = measure_interleaved(calls, timer, options, now=lambda: float(next(ticks)))["net"]
    launches = cuda.calls.count("launch")
    assert launches == 1 + result["warmup_n"] + result["n"]
    assert result["warmup_n"] >= 4
    assert result["samples_ms"] == [2.0] * result["n"]


class Scripted:
    """A timer that returns given durations and moves a clock by them."""

    def __init__(self, duration_ms: Callable[[int], float]) -> None:
        self.duration_ms, self.n, self.seconds = duration_ms, 0, 0.0

    def time_ms(self, call: Callable[[], object]) -> float:
        call()
        self.n += 1
        value = self.duration_ms(self.n)
        self.seconds += value / 1000
        return value

    def now(self) -> float:
        return self.seconds


def measure(duration_ms: Callable[[int], float], **options: Any) -> dict[str, Any]:
    timer = Scripted(duration_ms)
    calls = {"net": lambda: None}
    return measure_interleaved(calls, timer, LatencyOptions(**options), now=timer.now)["net"]


def test_a_steady_call_stops_early() -> None:
    result = measure(lambda n: 500.0 if n == 1 else 10.0, warmup_s=0.1, max_s=100)
    assert result["first_call_ms"] == 500
    assert result["n"] == 5
    assert result["stop_reason"] == "median known to the target"
    assert not result["noisy"]
    assert result["median_ms"] == result["p5_ms"] == result["p95_ms"] == 10


def test_a_noisy_call_stops_at_the_limit_and_says_so() -> None:
    result = measure(lambda n: 10.0 + 10 * (n % 2), warmup_s=0.1, max_s=2, target=0.01)
    assert result["stop_reason"] == "time limit"
    assert result["noisy"]
    assert 2.0 <= sum(result["samples_ms"]) / 1000 <= 2.1


def test_the_first_calls_are_not_samples() -> None:
    """A cache that warms up over ten calls must not move the median."""
    result = measure(lambda n: max(10.0, 100.0 - 10 * n), warmup_s=0.5, max_s=10)
    assert max(result["samples_ms"]) == 10


def test_few_slow_samples_are_still_enough() -> None:
    result = measure(lambda n: 3000.0, warmup_s=0.1, max_s=1, min_samples=5)
    assert result["n"] == 5


def test_compared_calls_take_turns_in_random_order() -> None:
    order: list[str] = []
    calls = {name: (lambda name=name: order.append(name)) for name in "abc"}
    timer = Scripted(lambda n: 10.0 + 5 * (n % 3))
    options = LatencyOptions(warmup_s=0.02, max_s=0.5, target=1e-9)
    measured = measure_interleaved(calls, timer, options, now=timer.now)
    before = sum(1 + measured[name]["warmup_n"] for name in "abc")
    n = min(measured[name]["n"] for name in "abc")
    rounds = [order[before + 3 * k : before + 3 * k + 3] for k in range(n)]
    assert n > 10
    assert all(sorted(r) == ["a", "b", "c"] for r in rounds)
    assert len({tuple(r) for r in rounds}) > 1


def test_a_drift_hits_all_alike() -> None:
    """A machine that gets slower and slower: the ratio of two equal calls stays one."""
    timer = Scripted(lambda n: 10.0 * 1.01**n)
    options = LatencyOptions(warmup_s=0.02, max_s=1, target=1e-9)
    calls = {"a": lambda: None, "b": lambda: None}
    measured = measure_interleaved(calls, timer, options, now=timer.now)
    assert measured["a"]["median_ms"] == pytest.approx(measured["b"]["median_ms"], rel=0.03)


def test_cpu_timer_times_the_call() -> None:
    import time

    assert CPUTimer().time_ms(lambda: time.sleep(0.02)) >= 20


@given(st.lists(st.floats(0.1, 1e4), min_size=5, max_size=50), st.floats(0.01, 100))
def test_statistics_scale_and_stay_in_order(samples: list[float], factor: float) -> None:
    a, b = summarise(samples), summarise([s * factor for s in samples])
    assert b["median_ms"] == pytest.approx(factor * a["median_ms"])
    assert a["min_ms"] <= a["p5_ms"] <= a["median_ms"] <= a["p90_ms"] <= a["p95_ms"] <= a["p99_ms"]
    assert relative_error_of_median(samples) == pytest.approx(
        relative_error_of_median([s * factor for s in samples]), abs=1e-9
    )
    assert a["n"] == len(samples)
    assert a["min_ms"] <= a["median_low_ms"] <= a["median_high_ms"] <= max(samples)


def test_error_of_the_median_is_that_of_many_draws() -> None:
    """Against the spread of medians of fresh samples."""
    rng = np.random.default_rng(0)
    draws = rng.normal(10, 1, (4000, 40))
    spread = np.median(draws, axis=1).std() / 10
    estimates = [relative_error_of_median(list(row)) for row in draws[:500]]
    assert np.mean(estimates) == pytest.approx(spread, rel=0.1)
