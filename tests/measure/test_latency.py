"""Latency: the order of calls on a device, and when sampling stops."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.measure.latency import (
    CPUTimer,
    CUDATimer,
    Interleaved,
    measure_interleaved,
    summarise,
)
from harness.measure.turns import (
    FAR,
    FIRST_LOOK,
    MOST_ROUNDS,
    LatencyOptions,
    checkpoints,
    first_look,
    relative_error_of_median,
)
from harness.statistics.rounds import MARGIN, median_interval, order_interval


class FakeCUDA:
    """Records the order of calls; the device's clock moves by 2 ms per launch.

    Other networks hold 1000 bytes; a launch needs 300 at most.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.clock, self.peak = 0.0, 5000

    def synchronize(self) -> None:
        self.calls.append("synchronize")

    def Event(self, enable_timing: bool) -> Any:  # noqa: N802
        assert enable_timing
        return FakeEvent(self)

    def current_device(self) -> int:
        return 0

    def get_device_properties(self, device: int) -> Any:
        return SimpleNamespace(uuid="1")

    def launch(self) -> None:
        self.calls.append("launch")
        self.clock += 2.0
        self.peak = max(self.peak, 1300)

    def memory_allocated(self) -> int:
        return 1000

    def reset_peak_memory_stats(self) -> None:
        self.calls.append("reset")
        self.peak = 1000

    def max_memory_allocated(self) -> int:
        self.calls.append("read")
        return self.peak


class FakeEvent:
    def __init__(self, cuda: FakeCUDA) -> None:
        self.cuda, self.at = cuda, 0.0

    def record(self) -> None:
        self.cuda.calls.append("event")
        self.at = self.cuda.clock

    def elapsed_time(self, end: "FakeEvent") -> float:
        assert self.cuda.calls[-1] == "synchronize", "elapsed time was read before synchronising"
        return end.at - self.at


TIMED = ["synchronize", "event", "launch", "event", "synchronize"]
PEAK_CALLS = ["reset", "launch", "synchronize", "read"]


def test_cuda_order_of_calls() -> None:
    cuda = FakeCUDA()
    assert CUDATimer(cuda).time_ms(cuda.launch) == 2.0
    assert cuda.calls == TIMED


def test_cuda_memory_is_reset_and_net_of_what_others_hold() -> None:
    cuda = FakeCUDA()
    assert CUDATimer(cuda).peak_bytes(cuda.launch) == 300
    assert cuda.calls == PEAK_CALLS


def test_cuda_order_of_calls_of_a_whole_measurement() -> None:
    """The first call and the warm-up, then samples, then memory, of two networks and a reference.

    Each call is launched between events with the device idle before and awaited after.
    """
    cuda = FakeCUDA()
    names: list[str] = []

    def network(name: str) -> Callable[[], None]:
        def call() -> None:
            names.append(name)
            cuda.launch()

        return call

    @contextmanager
    def sampling() -> Iterator[None]:
        cuda.calls.append("sampling begins")
        yield
        cuda.calls.append("sampling ends")

    ticks = iter(np.arange(0, 1000, 0.1))
    measured = measure_interleaved(
        {name: network(name) for name in ("a", "b", "conv")},
        CUDATimer(cuda),
        LatencyOptions(warmup_s=0.5, max_s=1, min_samples=5),
        references=["conv"],
        during=sampling(),
        now=lambda: float(next(ticks)),
    )
    begin, end = cuda.calls.index("sampling begins"), cuda.calls.index("sampling ends")
    n, n_warm = 5, sum(1 + figures["warmup_n"] for figures in measured.figures.values())
    assert cuda.calls[:begin] == TIMED * n_warm
    assert cuda.calls[begin + 1 : end] == TIMED * 3 * n
    assert cuda.calls[end + 1 :] == PEAK_CALLS * 2
    sampled = names[n_warm : n_warm + 3 * n]
    rounds = [sampled[3 * k : 3 * k + 3] for k in range(n)]
    assert all(sorted(one) == ["a", "b", "conv"] for one in rounds)
    assert sorted(names[n_warm + 3 * n :]) == ["a", "b"]
    assert measured.peak_bytes == {"a": 300, "b": 300}
    for figures in measured.figures.values():
        assert figures["samples_ms"] == [2.0] * n
        assert figures["rounds"] == [0, 1, 2, 3, 4]
        assert figures["warmup_n"] >= 3


class Scripted:
    """A timer that returns the durations that calls return, and moves a clock by them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def time_ms(self, call: Callable[[], Any]) -> float:
        value = float(call())
        self.seconds += value / 1000
        return value

    def energy_mj(self, call: Callable[[], Any], ms: float) -> None:
        return None

    def peak_bytes(self, call: Callable[[], Any]) -> None:
        return None

    def now(self) -> float:
        return self.seconds


def counting(duration_ms: Callable[[int], float]) -> Callable[[], float]:
    """A call that takes ``duration_ms(n)`` the n-th time."""
    numbers = count(1)
    return lambda: duration_ms(next(numbers))


def measure_all(
    calls: Mapping[str, Callable[[], float]], references: Sequence[str] = (), **options: Any
) -> Interleaved:
    timer = Scripted()
    return measure_interleaved(
        calls, timer, LatencyOptions(**options), references=references, now=timer.now
    )


def measure(duration_ms: Callable[[int], float], **options: Any) -> dict[str, Any]:
    return measure_all({"net": counting(duration_ms)}, **options).figures["net"]


def noisy(n: int) -> float:
    return 10.0 + 10 * (n % 2)


def test_a_steady_call_stops_at_the_first_check() -> None:
    result = measure(lambda n: 500.0 if n == 1 else 10.0, warmup_s=0.1, max_s=100, min_samples=20)
    assert result["first_call_ms"] == 500
    assert result["n"] == 20
    assert result["stop_reason"] == "median known to the target"
    assert result["warmup_stable"]
    assert not result["noisy"]
    assert result["median_ms"] == result["p5_ms"] == result["p95_ms"] == 10


def test_a_noisy_call_stops_at_the_limit_and_says_so() -> None:
    result = measure(noisy, warmup_s=0.1, max_s=2, target=0.01)
    assert result["stop_reason"] == "time limit"
    assert result["noisy"]
    assert 2.0 <= sum(result["samples_ms"]) / 1000 <= 2.1


def test_the_time_limit_precedes_the_first_check() -> None:
    result = measure(noisy, warmup_s=0.1, max_s=0.1, min_samples=20)
    assert result["stop_reason"] == "time limit"
    assert 5 <= result["n"] < 20


def test_medians_are_judged_at_growing_counts_only() -> None:
    assert checkpoints(20)[:5] == [20, 30, 45, 68, 102]
    # Calm from the 16th sample on: known well before the 30th, but nobody looks.
    result = measure(lambda n: noisy(n) if n < 26 else 10.0, warmup_s=0.1, max_s=100)
    assert result["n"] in checkpoints(20)


def test_a_fast_call_does_not_go_on_for_ever() -> None:
    result = measure(lambda n: 0.01 * noisy(n), warmup_s=0.01, max_s=100)
    assert result["n"] == MOST_ROUNDS
    assert result["stop_reason"] == "most rounds"


def test_the_first_calls_are_not_samples() -> None:
    """A cache that warms up over ten calls must not move the median."""
    result = measure(lambda n: max(10.0, 100.0 - 10 * n), warmup_s=0.5, max_s=10)
    assert max(result["samples_ms"]) == 10


def test_few_slow_samples_are_still_enough() -> None:
    result = measure(lambda n: 3000.0, warmup_s=0.1, max_s=1)
    assert result["n"] == 6
    assert result["warmup_n"] == 3
    assert result["p95_ms"] is None
    assert result["noisy"], "six samples may agree by chance"


def test_a_warm_up_that_does_not_settle_ends_and_says_so() -> None:
    result = measure(lambda n: 10.0 * 1.1**n, warmup_s=0.2, max_s=1)
    assert not result["warmup_stable"]


def rounds_of(
    durations: Mapping[str, Callable[[int], float]], references: Sequence[str] = (), **options: Any
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The figures, and the order of all calls."""
    order: list[str] = []

    def call(name: str) -> Callable[[], float]:
        one = counting(durations[name])

        def noted() -> float:
            order.append(name)
            return one()

        return noted

    measured = measure_all({n: call(n) for n in durations}, references, **options)
    return measured.figures, order


def test_close_calls_take_turns_to_the_end() -> None:
    """A call that is known at once goes on while another is not: the rounds stay whole."""
    durations = {"steady": lambda n: 10.0, "noisy": noisy, "reference": lambda n: 5.0}
    figures, order = rounds_of(durations, ["reference"], warmup_s=0.02, max_s=1)
    n = figures["steady"]["n"]
    assert figures["noisy"]["n"] == n > figures["reference"]["n"] == FIRST_LOOK
    assert all(one["rounds"] == list(range(one["n"])) for one in figures.values())
    # Two calls are judged, for a second each; the reference's turns count in that time.
    spent = sum(sum(one["samples_ms"]) for one in figures.values())
    assert 2000 <= spent <= 2050
    assert not figures["steady"]["noisy"]
    assert not figures["reference"]["noisy"]
    assert figures["noisy"]["noisy"]
    later = order[-2 * (n - FIRST_LOOK) :]
    rounds = [tuple(later[2 * k : 2 * k + 2]) for k in range(n - FIRST_LOOK)]
    assert all(sorted(one) == ["noisy", "steady"] for one in rounds)
    assert len(set(rounds)) > 1


def test_what_is_far_from_all_others_leaves_its_time_to_those_that_are_close() -> None:
    """Two equal calls beside one ten times as long: known after few rounds, it rests."""
    rng = np.random.default_rng(0)

    def jitter(ms: float) -> Callable[[int], float]:
        return lambda n: ms * (1 + 0.02 * float(rng.standard_normal()))

    durations = {"a": jitter(10), "b": jitter(10), "slow": jitter(100)}
    figures, _ = rounds_of(durations, warmup_s=0.02, max_s=1)
    assert figures["slow"]["n"] == FIRST_LOOK
    assert figures["slow"]["stop_reason"] == FAR
    assert not figures["slow"]["noisy"]
    # In three seconds, of which the slow one took one: a hundred rounds instead of 25.
    assert figures["a"]["n"] == figures["b"]["n"] > 90
    assert figures["a"]["stop_reason"] == "time limit"


@pytest.mark.parametrize("calls", [1, 2, 6, 18, 60])
def test_what_rests_can_be_told_from_all_others(calls: int) -> None:
    rounds, pairs = first_look(calls), calls * (calls - 1) / 2
    assert rounds >= FIRST_LOOK
    assert stats.binomtest(rounds, rounds, 0.5, alternative="greater").pvalue * pairs < 0.01


def test_what_is_far_but_noisy_takes_the_least_samples() -> None:
    durations = {"a": lambda n: 10.0, "b": noisy, "slow": lambda n: 20 * noisy(n)}
    figures, _ = rounds_of(durations, warmup_s=0.02, max_s=3, min_samples=20)
    assert figures["slow"]["n"] == 20
    assert figures["slow"]["noisy"]


def test_where_all_are_far_all_go_on() -> None:
    durations = {"a": lambda n: 10.0, "b": lambda n: 20.0, "c": lambda n: 40.0}
    figures, _ = rounds_of(durations, warmup_s=0.02, max_s=9)
    assert {one["n"] for one in figures.values()} == {20}
    assert {one["stop_reason"] for one in figures.values()} == {"median known to the target"}


def test_known_medians_are_not_enough_where_the_ratio_is_not() -> None:
    """Medians of 1 % are no band of 1 % for two equal calls: the rounds go on."""
    rng = np.random.default_rng(0)

    def jitter(n: int) -> float:
        return 10 * (1 + 0.02 * float(rng.standard_normal()))

    figures, _ = rounds_of({"a": jitter, "b": jitter}, warmup_s=0.02, max_s=100)
    ratio = np.log(figures["a"]["samples_ms"]) - np.log(figures["b"]["samples_ms"])
    low, high = median_interval(ratio)
    assert high - low <= 1.5 * MARGIN
    assert 45 < figures["a"]["n"] < MOST_ROUNDS


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60))
def test_the_quick_interval_holds_the_median_and_more_samples_narrow_it(
    values: list[float],
) -> None:
    x = np.array(values)
    low, high = order_interval(x)
    assert low <= np.median(x) <= high
    assert order_interval(-x) == (-high, -low)
    if len(x) < 6:
        assert (low, high) == (x.min(), x.max()), "few values bear no less than their range"


def test_the_quick_interval_covers_as_promised() -> None:
    rng = np.random.default_rng(5)
    for n in (10, 20, 45):
        bounds = [order_interval(rng.exponential(size=n)) for _ in range(400)]
        inside = np.mean([low <= np.log(2) <= high for low, high in bounds])
        assert inside >= 0.93


def test_drift_affects_all_calls_alike() -> None:
    """A machine that gets slower and slower: the ratio of two equal calls stays one."""
    drifting = counting(lambda n: 10.0 * 1.01**n)
    measured = measure_all({"a": drifting, "b": drifting}, warmup_s=0.02, max_s=1, target=1e-9)
    a, b = (measured.figures[name]["median_ms"] for name in "ab")
    assert a == pytest.approx(b, rel=0.03)


@pytest.mark.parametrize("at", [1, 3, 12])
def test_a_call_that_fails_leaves_the_others_their_turns(at: int) -> None:
    """At the first call, in the warm-up, in the samples."""

    def fails(n: int) -> float:
        if n == at:
            raise MemoryError("no room")
        return 10.0

    measured = measure_all({"bad": counting(fails), "good": lambda: 10.0}, warmup_s=0.05, max_s=1)
    assert isinstance(measured.failures["bad"], MemoryError)
    assert list(measured.figures) == ["good"]
    assert measured.figures["good"]["n"] == 20
    calls = 1 + measured.figures["good"]["warmup_n"] + 20
    assert measured.seconds["good"] == pytest.approx(0.01 * calls)


def test_nothing_is_sampled_where_every_call_fails() -> None:
    def fails() -> float:
        raise MemoryError("no room")

    measured = measure_all({"bad": fails, "reference": lambda: 10.0}, ["reference"])
    assert list(measured.failures) == ["bad"]
    assert measured.figures == {}


def test_an_interrupt_is_no_failure() -> None:
    def interrupted() -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_all({"net": interrupted})


def test_cpu_timer_times_the_call() -> None:
    import time

    assert CPUTimer().time_ms(lambda: time.sleep(0.02)) >= 20


@given(st.lists(st.floats(0.1, 1e4), min_size=5, max_size=50), st.floats(0.01, 100))
def test_statistics_scale_and_stay_in_order(samples: list[float], factor: float) -> None:
    a, b = summarise(samples), summarise([s * factor for s in samples])
    assert b["median_ms"] == pytest.approx(factor * a["median_ms"])
    assert a["min_ms"] <= a["p5_ms"] <= a["median_ms"] <= a["p90_ms"] <= max(samples)
    assert relative_error_of_median(samples) == pytest.approx(
        relative_error_of_median([s * factor for s in samples]), abs=1e-9
    )
    assert a["n"] == len(samples)
    assert a["min_ms"] <= a["median_low_ms"] <= a["median_high_ms"] <= max(samples)


@pytest.mark.parametrize(
    ("n", "absent"), [(19, {"p95_ms", "p99_ms"}), (20, {"p99_ms"}), (99, {"p99_ms"}), (100, set())]
)
def test_percentiles_beyond_the_samples_are_not_given(n: int, absent: set[str]) -> None:
    figures = summarise([float(value) for value in range(1, n + 1)])
    assert {name for name, value in figures.items() if value is None} == absent


def test_error_of_the_median_is_that_of_many_draws() -> None:
    """Against the spread of medians of fresh samples."""
    rng = np.random.default_rng(0)
    draws = rng.normal(10, 1, (4000, 40))
    spread = np.median(draws, axis=1).std() / 10
    estimates = [relative_error_of_median(list(row)) for row in draws[:500]]
    assert np.mean(estimates) == pytest.approx(spread, rel=0.1)
