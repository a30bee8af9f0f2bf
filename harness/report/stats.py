"""Statistics over images: bootstrap intervals, paired tests, corrections, verdicts.

Images are the units: a dataset is taken as a sample of images like its own. Nothing here speaks
about other trainings of the same network; the spread over seeds does (:mod:`.seeds`).
"""

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Float64Array = NDArray[np.float64]
Verdict = Literal["better", "worse", "no difference shown", "no verdict"]

LEVEL = 0.95
ALPHA = 0.05
RESAMPLES = 9_999
MIN_IMAGES = 10
"""Fewer images carry no verdict: with nine the smallest p-value that a signed-rank test can give
is 0.004, so that one image more or less decides."""


@dataclass(frozen=True)
class Intervals:
    """Means of columns and their bootstrap intervals; NaN where a column is not finite.

    Attributes:
        mean, low, high: one value per column.
    """

    mean: Float64Array
    low: Float64Array
    high: Float64Array


def resampling_counts(
    n: int, seed: int, resamples: int = RESAMPLES, most: int = 4_000_000
) -> Iterator[Float64Array]:
    """How often each of ``n`` images was drawn in each resample: rows sum to n.

    Comes in blocks of rows with at most about ``most`` numbers, so that a large dataset does not
    take more memory than a small one; the draws do not depend on it.
    """
    rng = np.random.default_rng(seed)
    rows = max(1, most // n)
    for start in range(0, resamples, rows):
        block = min(rows, resamples - start)
        flat = rng.integers(0, n, size=(block, n)) + np.arange(block)[:, None] * n
        counts = np.bincount(flat.ravel(), minlength=block * n).reshape(block, n)
        yield counts.astype(np.float64)


def seed_of(values: Float64Array) -> int:
    """A seed out of the data: the same figures give the same interval on every machine."""
    digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()
    return int.from_bytes(digest[:8], "big")


def mean_of(values: Float64Array) -> Float64Array:
    """Means of columns: infinite where a value is, no number where they are infinite both ways."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values.mean(axis=0))


def bootstrap_means(values: Float64Array, level: float = LEVEL) -> Intervals:
    """Bias-corrected and accelerated (BCa) intervals of column means.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 14. All columns share
    the resamples, which keeps paired columns paired.

    Args:
        values: n images x m columns.
        level: coverage, e.g. 0.95.

    Returns:
        Intervals of m columns. A column with a NaN or an infinity, or fewer than two images, has
        no interval; a constant column has the interval of one point.
    """
    n, m = values.shape
    empty = np.full(m, np.nan)
    if n == 0:
        return Intervals(empty, empty, empty.copy())
    mean, low, high = mean_of(values), np.full(m, np.nan), np.full(m, np.nan)
    usable = np.isfinite(values).all(axis=0) & (n >= 2)
    if usable.any():
        columns = values[:, usable]
        blocks = resampling_counts(n, seed_of(columns))
        means = np.concatenate([block @ columns / n for block in blocks])
        low[usable], high[usable] = _bca(columns, means, level)
    return Intervals(mean, low, high)


def _bca(
    columns: Float64Array, means: Float64Array, level: float
) -> tuple[Float64Array, Float64Array]:
    """Interval bounds from the bootstrap distribution ``means`` (resamples x m)."""
    observed = columns.mean(axis=0)
    below = (means < observed).mean(axis=0) + 0.5 * (means == observed).mean(axis=0)
    # A bootstrap distribution wholly on one side would have an infinite correction.
    edge = 0.5 / len(means)
    bias = special.ndtri(np.clip(below, edge, 1 - edge))
    deviation = columns - observed
    # The jackknife of a mean in closed form.
    square = (deviation**2).sum(axis=0)
    spread = np.ptp(columns, axis=0) > 0
    skew = np.zeros_like(observed)
    skew[spread] = (deviation**3).sum(axis=0)[spread] / (6 * square[spread] ** 1.5)
    bounds = []
    ordered = np.sort(means, axis=0)
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = bias + special.ndtri(tail)
        quantile = special.ndtr(bias + z / (1 - skew * z))
        place = np.clip(quantile, 0, 1) * (len(ordered) - 1)
        lower = np.floor(place).astype(int)
        upper = np.minimum(lower + 1, len(ordered) - 1)
        column = np.arange(ordered.shape[1])
        share = place - lower
        bounds.append(ordered[lower, column] * (1 - share) + ordered[upper, column] * share)
    # Rounding in the sums must not part a constant column from its mean.
    low = np.where(spread, bounds[0], observed)
    high = np.where(spread, bounds[1], observed)
    return low, high


def paired_differences(ours: Float64Array, base: Float64Array) -> Float64Array:
    """Ours minus the baseline's per image; two infinite values (both identical to HR) differ by 0.

    Args:
        ours: n images x m columns.
        base: n images.
    """
    with np.errstate(invalid="ignore"):
        difference = ours - base[:, None]
    return np.where(np.isinf(ours) & (ours == base[:, None]), 0.0, difference)


def signed_rank(differences: Float64Array) -> Float64Array:
    """Two-sided Wilcoxon signed-rank p-values of columns, zeros ranked and dropped (Pratt).

    Args:
        differences: n x m; a column of zeros has p = 1, one with a NaN or an infinity has NaN.
    """
    n, m = differences.shape
    p = np.full(m, np.nan)
    usable = np.isfinite(differences).all(axis=0) & (n > 0)
    zero = usable & (differences == 0).all(axis=0)
    p[zero] = 1.0
    test = usable & ~zero
    if test.any():
        with warnings.catch_warnings():
            # Small samples with ties fall back on the normal approximation, which is meant.
            warnings.simplefilter("ignore")
            result = stats.wilcoxon(differences[:, test], axis=0, zero_method="pratt")
        p[test] = np.clip(result.pvalue, 0, 1)
    return p


def holm(p: Float64Array) -> Float64Array:
    """Holm's step-down adjustment (Scand. J. Statist. 6, 1979); NaN is no test and stays NaN."""
    adjusted = np.full_like(p, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1.0)
    return adjusted


@dataclass(frozen=True)
class Paired:
    """One column against the baseline over the same images.

    Attributes:
        n: images.
        mean, low, high: of the difference, ours minus the baseline's, with its interval.
        p: signed-rank p-value; ``p_holm`` corrected over the columns tested together.
        wins, losses: images on which ours is above, or below.
        why: why there is no verdict.
    """

    n: int
    mean: float
    low: float
    high: float
    p: float
    p_holm: float
    wins: int
    losses: int
    verdict: Verdict
    why: str = ""


def compare_paired(
    ours: Float64Array, base: Float64Array, *, higher_is_better: bool = True
) -> list[Paired]:
    """Each column against the baseline, Holm-corrected over the columns.

    A verdict needs ``MIN_IMAGES`` images, finite differences, an adjusted p below ``ALPHA``, and
    an interval on the same side of zero.

    Args:
        ours: n images x m columns.
        base: n images, the same ones.
        higher_is_better: the metric's direction.
    """
    n, m = ours.shape
    differences = paired_differences(ours, base)
    intervals = bootstrap_means(differences)
    p = signed_rank(differences)
    p_holm = holm(p)
    results = []
    for i in range(m):
        column = differences[:, i]
        verdict, why = _verdict(
            column, intervals.low[i], intervals.high[i], p_holm[i], m, higher_is_better
        )
        results.append(
            Paired(
                n=n,
                mean=float(intervals.mean[i]),
                low=float(intervals.low[i]),
                high=float(intervals.high[i]),
                p=float(p[i]),
                p_holm=float(p_holm[i]),
                wins=int((column > 0).sum()),
                losses=int((column < 0).sum()),
                verdict=verdict,
                why=why,
            )
        )
    return results


def smallest_p(n: int, tests: int) -> float:
    """The least adjusted p-value that ``n`` images can give: all differences of one sign."""
    return min(1.0, tests * 2.0 ** (1 - n))


def _verdict(
    differences: Float64Array,
    low: float,
    high: float,
    p_holm: float,
    tests: int,
    higher_is_better: bool,
) -> tuple[Verdict, str]:
    n = len(differences)
    bad = int((~np.isfinite(differences)).sum())
    if bad:
        return "no verdict", f"{bad} of {n} images have no finite difference"
    if n < MIN_IMAGES:
        return "no verdict", f"{n} images; a verdict needs {MIN_IMAGES}"
    if smallest_p(n, tests) >= ALPHA:
        return "no verdict", f"{n} images cannot show a difference among {tests} variants"
    if p_holm < ALPHA and (low > 0 or high < 0):
        return ("better" if (low > 0) == higher_is_better else "worse"), ""
    return "no difference shown", ""
