"""Faster or slower: times that were taken in turns, compared round by round.

Calls of one group take one sample each per round, in random order. What slows a round slows both
samples of it, so that their ratio is free of the machine's drift.
"""

from typing import Literal

import numpy as np
from scipy import stats

from harness.statistics.bootstrap import LEVEL, Float64Array, bootstrap, medians

SpeedVerdict = Literal["faster", "slower", "same", "bounded", "no verdict"]
"""``bounded``: none of the first three is shown, and the interval says what still can be."""

MARGIN = 0.01
"""Ratios within 1 % are the same: less is decided by the layout of memory, not by the network."""
MIN_ROUNDS = 6
"""Fewer rounds carry no verdict: the whole range of five holds the median with 93.75 % only."""
RESAMPLES = 1_999


def median_interval(values: Float64Array) -> tuple[float, float]:
    """95 % bootstrap interval of the median.

    The resamples depend on the number of values alone and the bounds are two of them, equally far
    from either end: the interval of the negated values is the negated interval, to the bit.
    """
    drawn = np.sort(bootstrap(values, medians, seed=len(values), resamples=RESAMPLES))
    tail = int((1 - LEVEL) / 2 * RESAMPLES)
    return float(drawn[tail]), float(drawn[-1 - tail])


def order_interval(values: Float64Array) -> tuple[float, float]:
    """95 % interval of the median between two of the values, whatever their distribution.

    Conservative, the whole range of few values, and quick: for decisions while one measures.
    """
    ordered = np.sort(values)
    outside = int(stats.binom.ppf((1 - LEVEL) / 2, len(ordered), 0.5))
    skip = max(outside - 1, 0)
    return float(ordered[skip]), float(ordered[-1 - skip])


def p_faster(values: Float64Array) -> float:
    """One-sided p of the sign test that the median lies above the margin: exact, no ties assumed.

    Args:
        values: log-ratios of speeds, one per round.
    """
    above = int((values > np.log1p(MARGIN)).sum())
    return float(stats.binomtest(above, len(values), 0.5, alternative="greater").pvalue)


def verdict_of(low: float, high: float) -> SpeedVerdict:
    """The verdict by an interval of the log-ratio of speeds."""
    margin = float(np.log1p(MARGIN))
    if low > margin:
        return "faster"
    if high < -margin:
        return "slower"
    return "same" if -margin <= low and high <= margin else "bounded"
