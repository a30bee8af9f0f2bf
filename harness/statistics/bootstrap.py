"""The bootstrap: what is drawn, intervals of means, quantiles of resamples."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

Float64Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

LEVEL = 0.95
RESAMPLES = 9_999


@dataclass(frozen=True)
class Intervals:
    """Means of columns and their bootstrap intervals; NaN where a column is not finite.

    Attributes:
        mean, low, high: one value per column.
    """

    mean: Float64Array
    low: Float64Array
    high: Float64Array


def resampled(n: int, seed: int, resamples: int, most: int = 4_000_000) -> Iterator[IntArray]:
    """Which of ``n`` values are drawn with replacement: resamples x n, in blocks of rows.

    A block has at most about ``most`` numbers, so that many values do not take more memory than
    few; the draws do not depend on it.
    """
    rng = np.random.default_rng(seed)
    rows = max(1, most // n)
    for start in range(0, resamples, rows):
        yield rng.integers(0, n, size=(min(rows, resamples - start), n))


def resampling_counts(
    n: int, seed: int, resamples: int = RESAMPLES, most: int = 4_000_000
) -> Iterator[Float64Array]:
    """How often each of ``n`` images was drawn in each resample: rows sum to n."""
    for drawn in resampled(n, seed, resamples, most):
        block = len(drawn)
        flat = drawn + np.arange(block)[:, None] * n
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
    if n == 0:
        empty = np.full(m, np.nan)
        return Intervals(empty, empty, empty.copy())
    return _intervals(np.ascontiguousarray(values, np.float64).tobytes(), n, m, level)


@lru_cache(maxsize=4096)
def _intervals(content: bytes, n: int, m: int, level: float) -> Intervals:
    """Of the same values again, as several sections of a report ask for; not to be written to."""
    values = np.frombuffer(content, np.float64).reshape(n, m)
    mean, low, high = mean_of(values), np.full(m, np.nan), np.full(m, np.nan)
    usable = np.isfinite(values).all(axis=0) & (n >= 2)
    if usable.any():
        columns = values[:, usable]
        blocks = resampling_counts(n, seed_of(columns))
        means = np.concatenate([block @ columns / n for block in blocks])
        low[usable], high[usable] = _bca(columns, means, level)
    for column in (mean, low, high):
        column.flags.writeable = False
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
    # Rounding in the sums must not give a constant column an interval beside its mean.
    low = np.where(spread, bounds[0], observed)
    high = np.where(spread, bounds[1], observed)
    return low, high


def bootstrap(
    values: Float64Array,
    statistic: Callable[[Float64Array], Float64Array],
    *,
    seed: int,
    resamples: int,
) -> Float64Array:
    """A statistic of each resample of values, in the order of the draws.

    Args:
        values: one dimension, at least one value.
        statistic: rows of values in, one figure per row out.
        seed: of the draws.
        resamples: how many.
    """
    blocks = resampled(len(values), seed, resamples)
    return np.concatenate([statistic(values[drawn]) for drawn in blocks])


def medians(rows: Float64Array) -> Float64Array:
    """The median of each row: the usual statistic of times."""
    return np.asarray(np.median(rows, axis=1))
