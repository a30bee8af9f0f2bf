"""Statistics against independent values: scipy's bootstrap, enumeration, worked examples."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from harness.statistics import bootstrap, paired

FINITE = st.floats(-5, 5).map(lambda x: round(x, 3))
SAMPLES = st.lists(FINITE, min_size=2, max_size=30)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def column(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


@pytest.mark.parametrize("seed", range(3))
def test_interval_agrees_with_scipys_bca(seed: int) -> None:
    x = np.random.default_rng(seed).gamma(2, 1, 40)
    ours = bootstrap.bootstrap_means(x[:, None])
    theirs = scipy_stats.bootstrap((x,), np.mean, n_resamples=30_000, random_state=seed)
    interval = theirs.confidence_interval
    width = interval.high - interval.low
    # Both are random; their tails are known to a few per cent of the width.
    assert abs(ours.low[0] - interval.low) < 0.05 * width
    assert abs(ours.high[0] - interval.high) < 0.05 * width


def test_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    columns = rng.exponential(1.0, (40, 400))
    # One column at a time, so that every interval has resamples of its own.
    found = [bootstrap.bootstrap_means(columns[:, [i]]) for i in range(columns.shape[1])]
    covered = np.mean([f.low[0] <= 1.0 <= f.high[0] for f in found])
    assert 0.90 <= covered <= 0.97


@given(SAMPLES)
@settings(max_examples=60, deadline=None)
def test_interval_lies_within_the_data_and_is_repeatable(values: list[float]) -> None:
    found = bootstrap.bootstrap_means(column(values))
    again = bootstrap.bootstrap_means(column(values))
    assert found.low[0] == again.low[0]
    assert found.high[0] == again.high[0]
    assert min(values) - 1e-9 <= found.low[0] <= found.high[0] <= max(values) + 1e-9


def test_interval_of_a_constant_is_its_point() -> None:
    found = bootstrap.bootstrap_means(np.full((12, 1), 30.1))
    assert found.low[0] == found.high[0] == found.mean[0]


def test_resamples_draw_as_many_images_as_there_are() -> None:
    counts = np.concatenate([*bootstrap.resampling_counts(7, seed=1, resamples=500)])
    small = np.concatenate([*bootstrap.resampling_counts(7, seed=1, resamples=500, most=70)])
    assert (counts == small).all()
    assert counts.shape == (500, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert counts.mean() == pytest.approx(1.0)


def exact_signed_rank(differences: np.ndarray) -> float:
    """Two-sided p by all 2^n sign patterns, without ties or zeros."""
    ranks = scipy_stats.rankdata(np.abs(differences))
    total = ranks.sum()
    observed = ranks[differences > 0].sum()
    sums = [
        sum(r for r, up in zip(ranks, signs, strict=True) if up)
        for signs in product((False, True), repeat=len(ranks))
    ]
    extreme = max(observed, total - observed)
    return float(np.mean([max(s, total - s) >= extreme for s in sums]))


@pytest.mark.parametrize("seed", range(5))
def test_signed_rank_agrees_with_enumeration(seed: int) -> None:
    differences = np.random.default_rng(seed).normal(0.3, 1, 11)
    assert paired.signed_rank(differences[:, None])[0] == pytest.approx(
        exact_signed_rank(differences)
    )


def test_signed_rank_of_nothing_different_is_one() -> None:
    assert paired.signed_rank(np.zeros((12, 1)))[0] == 1.0


def test_holm_of_a_worked_example() -> None:
    # 4 x .005, then max with 3 x .01, 2 x .03, 1 x .04, cumulatively.
    adjusted = paired.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_out_what_was_not_tested() -> None:
    adjusted = paired.holm(np.array([0.02, np.nan, 0.01]))
    assert np.isnan(adjusted[1])
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.02])


@given(P_VALUES)
def test_holm_keeps_the_order_and_never_lowers(p: list[float]) -> None:
    raw = np.array(p)
    adjusted = paired.holm(raw)
    assert (adjusted >= raw).all()
    assert (adjusted <= 1).all()
    order = np.argsort(raw, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    assert adjusted.max() <= min(1.0, len(p) * raw.max())


@given(SAMPLES)
@settings(max_examples=60, deadline=None)
def test_exchanging_the_two_sides_turns_the_sign(values: list[float]) -> None:
    ours, base = np.array(values), np.zeros(len(values))
    one = paired.compare_paired(ours[:, None], base)[0]
    other = paired.compare_paired(base[:, None], ours)[0]
    assert one.mean == pytest.approx(-other.mean)
    assert one.p == pytest.approx(other.p)
    assert (one.wins, one.losses) == (other.losses, other.wins)


def sample(shift: float, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    base = rng.normal(30, 3, n)
    return (base + shift + rng.normal(0, 0.05, n))[:, None], base


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0.1, "better"), (-0.1, "worse"), (0.0, "no difference shown")]
)
def test_verdict_follows_the_difference(shift: float, verdict: str) -> None:
    assert paired.compare_paired(*sample(shift))[0].verdict == verdict


def test_lower_may_be_better() -> None:
    ours, base = sample(0.1)
    assert paired.compare_paired(ours, base, higher_is_better=False)[0].verdict == "worse"


def test_five_images_carry_no_verdict_however_clear() -> None:
    ours, base = sample(5.0, n=5)
    result = paired.compare_paired(ours, base)[0]
    assert result.verdict == "no verdict"
    assert "5 images" in result.why
    assert result.low > 0


def test_many_variants_need_more_images_than_few() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(30, 3, 10)
    clear = base[:, None] + 1 + 0.01 * rng.random((10, 1))
    assert paired.compare_paired(clear, base)[0].verdict == "better"
    results = paired.compare_paired(np.repeat(clear, 40, axis=1), base)
    assert {r.verdict for r in results} == {"no verdict"}
    assert "cannot show a difference among 40 variants" in results[0].why


def test_false_alarms_are_as_rare_as_promised() -> None:
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(200):
        base = rng.normal(30, 3, 20)
        ours = base[:, None] + rng.normal(0, 0.1, (20, 8))
        verdicts = [r.verdict for r in paired.compare_paired(ours, base)]
        alarms += any(v in ("better", "worse") for v in verdicts)
    # At most one family in twenty, and the interval is asked too.
    assert alarms / 200 <= 0.08


def test_infinite_and_undefined_values_carry_no_verdict() -> None:
    ours, base = sample(0.1)
    ours = np.repeat(ours, 3, axis=1)
    ours[0, 0], ours[1, 1] = np.inf, np.nan
    first, second, third = paired.compare_paired(ours, base)
    assert first.verdict == second.verdict == "no verdict"
    assert "1 of 40 images" in first.why
    assert third.verdict == "better"


def test_images_that_both_reproduce_exactly_do_not_differ() -> None:
    ours, base = sample(0.1)
    ours[0, 0] = base[0] = np.inf
    result = paired.compare_paired(ours, base)[0]
    assert result.verdict == "better"
    assert np.isfinite(result.mean)


@given(st.lists(st.floats(0.1, 1e3), min_size=1, max_size=40), st.integers(0, 99))
@settings(max_examples=30)
def test_every_bootstrap_draws_as_numpy_does(values: list[float], seed: int) -> None:
    """Blocks or not, the resamples are those of one call of the generator."""
    x, n = np.array(values), len(values)
    expected = np.random.default_rng(seed).choice(x, (200, n))
    drawn = bootstrap.bootstrap(x, lambda rows: rows[:, 0], seed=seed, resamples=200)
    assert np.array_equal(drawn, expected[:, 0])
    blocks = np.concatenate([*bootstrap.resampled(n, seed, 200, most=3 * n)])
    assert np.array_equal(x[blocks], expected)
    counts = np.concatenate([*bootstrap.resampling_counts(n, seed, 200, most=5 * n)])
    assert np.array_equal(counts, [np.bincount(row, minlength=n) for row in blocks])
