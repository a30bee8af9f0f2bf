"""Verdicts on speed: what pairs of rounds can say, and what they cannot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.jobs.base import Record
from harness.report.rows import Latency
from harness.report.speed import Speed, baseline_of, compare_speed, plain_of, without_drift
from harness.report.verdicts import speed_bounds
from harness.statistics.rounds import MARGIN, MIN_ROUNDS, median_interval
from tests.report import synthetic

OPPOSITE = {
    "faster": "slower",
    "slower": "faster",
    "same": "same",
    "bounded": "bounded",
    "no verdict": "no verdict",
}
TIMES = st.lists(
    st.tuples(st.floats(0.01, 1e4), st.floats(0.01, 1e4)), min_size=1, max_size=25
).map(lambda pairs: (np.array(pairs)[:, 0], np.array(pairs)[:, 1]))


NETWORK = synthetic.latency("net", 4, 1.0)


def row(times: np.ndarray, rounds: list[int] | None = None, of: Record = NETWORK) -> Latency:
    """A latency with these samples, one per round."""
    samples = np.asarray(times, dtype=float).tolist()
    rounds = [*range(len(samples))] if rounds is None else rounds
    found = {"samples_ms": samples, "rounds": rounds, "median_ms": float(np.median(times))}
    return synthetic.latency_cell(of, result={**found, "group": "one"})


def drifting(n: int, factor: float, noise: float = 0.002) -> tuple[Latency, Latency]:
    """Two calls on a machine that becomes twice as slow: the first takes ``factor`` as long."""
    rng = np.random.default_rng(1)
    drift = 10 * np.linspace(1, 2, n)
    ours, base = (drift * np.exp(noise * rng.standard_normal(n)) for _ in range(2))
    return row(factor * ours), row(base)


@given(TIMES)
@settings(max_examples=80, deadline=None)
def test_exchanging_the_two_turns_the_verdict(times: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = row(times[0]), row(times[1])
    one, other = compare_speed(a, b), compare_speed(b, a)
    assert other.verdict == OPPOSITE[one.verdict]
    assert one.rounds == other.rounds
    assert one.ratio is not None
    assert other.ratio is not None
    assert one.ratio * other.ratio == pytest.approx(1)
    if one.low is not None:
        assert one.high is not None
        assert other.high is not None
        assert one.low * other.high == pytest.approx(1)
        assert one.low <= one.ratio <= one.high


@given(TIMES.filter(lambda pair: len(pair[0]) >= MIN_ROUNDS))
@settings(max_examples=30, deadline=None)
def test_identical_series_are_the_same(times: tuple[np.ndarray, np.ndarray]) -> None:
    assert compare_speed(row(times[0]), row(times[0])) == Speed(
        1.0, 1.0, 1.0, len(times[0]), "same"
    )


@given(TIMES.filter(lambda pair: len(pair[0]) >= MIN_ROUNDS), st.floats(0.2, 5))
@settings(max_examples=60, deadline=None)
def test_a_constant_factor_is_found_whatever_the_drift(
    times: tuple[np.ndarray, np.ndarray], factor: float
) -> None:
    found = compare_speed(row(factor * times[0]), row(times[0]))
    assert (found.ratio, found.low, found.high) == pytest.approx((1 / factor,) * 3)
    if abs(np.log(factor)) > 1.01 * np.log1p(MARGIN):
        assert found.verdict == ("faster" if factor < 1 else "slower")
    elif abs(np.log(factor)) < 0.99 * np.log1p(MARGIN):
        assert found.verdict == "same"


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(0.97, "faster"), (1.03, "slower"), (1.0, "same"), (0.99, "bounded")],
)
def test_drift_that_hits_both_hides_nothing(factor: float, verdict: str) -> None:
    ours, base = drifting(40, factor)
    assert compare_speed(ours, base).verdict == verdict
    samples = base.record.as_dict()["result"]["samples_ms"]
    # Their own spread is far larger than what separates them.
    assert np.ptp(samples) > 0.5 * np.median(samples)


def test_what_varies_from_round_to_round_is_bounded() -> None:
    ours, base = drifting(9, 0.98, noise=0.05)
    found = compare_speed(ours, base)
    assert found.verdict == "bounded"
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1.02 < found.high


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.959, 1.023, "4.1 % slower to 2.3 % faster"),
        (1.005, 1.03, "0.5 % to 3.0 % faster"),
        (0.95, 0.97, "3.0 % to 5.0 % slower"),
        (2.1, 2.14, "2.10 to 2.14 times as fast"),
        (0.3, 0.31, "3.23 to 3.33 times as slow"),
        (2.0, 2.0, "2.00 times as fast"),
        (1.0, 1.0, "equally fast"),
        (0.9999, 1.004, "equally fast to 0.4 % faster"),
    ],
)
def test_bounds_are_said_in_words(low: float, high: float, words: str) -> None:
    assert speed_bounds(low, high) == words


def test_without_common_rounds_there_is_a_ratio_and_no_verdict() -> None:
    a, b = row(np.full(9, 5.0)), row(np.full(9, 10.0))
    for changes, why in (
        ({"group": "two"}, "different processes"),
        ({"group": ""}, "do not say"),
        ({"rounds": []}, "do not say"),
        ({"rounds": [*range(6, 15)]}, "3 rounds in common"),
        ({"samples_ms": [0.0] + 8 * [10.0]}, "no positive number"),
    ):
        found = compare_speed(a, synthetic.latency_cell(b.record, result=changes))
        assert (found.ratio, found.low, found.verdict) == (2.0, None, "no verdict"), changes
        assert why in found.why


def test_only_rounds_that_both_have_are_paired() -> None:
    base = row(np.arange(1.0, 13.0))
    ours = row(np.arange(4.0, 10.0) / 2, rounds=list(range(3, 9)))
    found = compare_speed(ours, base)
    assert found.ratio == pytest.approx(2)
    assert (found.rounds, found.verdict) == (6, "faster")


def test_verdicts_are_as_sure_as_they_say() -> None:
    rng = np.random.default_rng(3)
    samples = [rng.standard_normal(31) for _ in range(300)]
    covered = np.mean([low <= 0 <= high for low, high in map(median_interval, samples)])
    assert 0.91 <= covered <= 0.98


def test_what_is_compared_with_what() -> None:
    def way(
        variant: str, dtype: str = "float32", backend: str = "eager", form: str = ""
    ) -> Latency:
        computed = {"dtype": dtype, "backend": backend, "memory_format": form or "channels_last"}
        return row(np.ones(5), of=synthetic.latency(variant, 4, 1.0, way=computed))

    base, plain, contiguous = way("base"), way("net"), way("net", form="contiguous")
    half, base_half = way("net", "bfloat16", "compile"), way("base", "bfloat16", "compile")
    cells = [half, base, base_half, plain]
    names = frozenset({"base"})
    assert baseline_of(plain, cells, names) is base
    assert baseline_of(half, cells, names) is base_half
    assert baseline_of(contiguous, cells, names) is None
    assert plain_of(half, cells) is plain
    assert plain_of(half, [*cells, contiguous]) is contiguous
    for changes in ({"threads": 1}, {"batch": 8}, {"scale": 2}, {"lr_width": 32}):
        elsewhere = synthetic.latency_cell(plain.record, changes)
        assert baseline_of(elsewhere, cells, names) is None
        assert plain_of(synthetic.latency_cell(half.record, changes), cells) is None


def test_times_that_are_set_beside_each_other_do_not_drift() -> None:
    """One that was measured in the later, slower rounds alone is not slower for that."""
    ours, base = drifting(30, 1.0)
    later = row(np.array(ours.result.samples_ms)[10:], [*range(10, 30)])  # type: ignore[union-attr]
    median = base.figure("median_ms")
    assert median is not None
    assert (later.figure("median_ms") or 0) > 1.1 * median
    time, low, high = without_drift(later, [base, later], {"net"})
    assert low < time < high
    assert time == pytest.approx(median, rel=0.01)
    assert high < 1.01 * median
    assert without_drift(base, [base, later], {"net"}) == (median, median, median)
    # Nothing was measured in turns with it.
    assert without_drift(later, [later], set())[0] == later.figure("median_ms")
