"""Paired tests over images, corrections and verdicts.

Images are the units: a dataset is taken as a sample of images like its own. Nothing here speaks
about other trainings of the same network; the spread over seeds does.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from harness.statistics.bootstrap import LEVEL, Float64Array, bootstrap_means

Verdict = Literal["better", "worse", "no difference shown", "no verdict"]

ALPHA = 0.05
MIN_IMAGES = 10
"""Fewer images carry no verdict: with nine the smallest p-value that a signed-rank test can give
is 0.004, so that one image more or less decides."""


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
        why: why there is no verdict, or none for a difference although the test or the interval
            alone would show one.
        equivalent: whether the interval lies within the margin of :func:`compare_paired`.
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
    equivalent: bool = False


def compare_paired(
    ours: Float64Array,
    base: Float64Array,
    *,
    higher_is_better: bool = True,
    resolution: float = 0.0,
    margin: float | None = None,
) -> list[Paired]:
    """Each column against the baseline, Holm-corrected over the columns.

    A verdict needs ``MIN_IMAGES`` images, finite differences, an adjusted p below ``ALPHA``, an
    interval on the same side of zero, most ranks on that side, and a mean that is not printed as
    zero.

    Args:
        ours: n images x m columns.
        base: n images, the same ones.
        higher_is_better: the metric's direction.
        resolution: half of the last digit that is printed: a smaller mean difference is a tie.
        margin: differences within it are equivalent for the reader's purpose; None without one.
    """
    n, m = ours.shape
    differences = paired_differences(ours, base)
    intervals = bootstrap_means(differences)
    p = signed_rank(differences)
    p_holm = holm(p)
    results = []
    for i in range(m):
        column = differences[:, i]
        low, high = float(intervals.low[i]), float(intervals.high[i])
        verdict, why = _verdict(column, low, high, p_holm[i], m, higher_is_better, resolution)
        results.append(
            Paired(
                n=n,
                mean=float(intervals.mean[i]),
                low=low,
                high=high,
                p=float(p[i]),
                p_holm=float(p_holm[i]),
                wins=int((column > 0).sum()),
                losses=int((column < 0).sum()),
                verdict=verdict,
                why=why,
                equivalent=margin is not None
                and verdict != "no verdict"
                and -margin <= low
                and high <= margin,
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
    resolution: float,
) -> tuple[Verdict, str]:
    n = len(differences)
    bad = int((~np.isfinite(differences)).sum())
    if bad:
        return "no verdict", f"{bad} of {n} images have no finite difference"
    if n < MIN_IMAGES:
        return "no verdict", f"{n} images; a verdict needs {MIN_IMAGES}"
    if smallest_p(n, tests) >= ALPHA:
        return "no verdict", f"{n} images cannot show a difference among {tests} variants"
    tested, apart = p_holm < ALPHA, low > 0 or high < 0
    if abs(float(differences.mean())) < resolution:
        return "no difference shown", "equal in the printed digits" if tested else ""
    if tested and not apart:
        return "no difference shown", "the test shows one, but the mean's interval includes 0"
    if apart and not tested:
        return "no difference shown", "the mean's interval excludes 0, but the test shows none"
    if not tested:
        return "no difference shown", ""
    if (_rank_sum(differences) > 0) != (low > 0):
        return "no difference shown", "the mean and most images differ in opposite directions"
    return ("better" if (low > 0) == higher_is_better else "worse"), ""


def _rank_sum(differences: Float64Array) -> float:
    """The signed ranks' sum: on which side most images lie, weighed as the test weighs them."""
    return float((np.sign(differences) * stats.rankdata(np.abs(differences))).sum())


@dataclass(frozen=True)
class Pooled:
    """The mean difference over several datasets and scales, each counted once.

    Attributes:
        mean, low, high: with its interval.
        p: two-sided, that the mean is zero.
    """

    mean: float
    low: float
    high: float
    p: float


def pooled_mean(strata: Sequence[Float64Array]) -> Pooled | None:
    """Mean over all columns of all strata, by Welch's t over the images of each stratum.

    Args:
        strata: per dataset, n images x k scales: columns of one stratum share their images.

    Returns:
        None where a stratum has fewer than two images, or where a value is not finite.
    """
    if not strata or any(len(s) < 2 or not np.isfinite(s).all() for s in strata):
        return None
    columns = sum(s.shape[1] for s in strata)
    sums = [s.sum(axis=1) / columns for s in strata]
    mean = float(sum(values.mean() for values in sums))
    parts = np.array([values.var(ddof=1) / len(values) for values in sums])
    variance = float(parts.sum())
    # Equal columns but for rounding have no spread to speak of.
    if variance <= (1e-12 * max(abs(mean), 1e-12)) ** 2:
        return Pooled(mean, mean, mean, 1.0 if mean == 0 else 0.0)
    freedom = variance**2 / float((parts**2 / [len(values) - 1 for values in sums]).sum())
    error = variance**0.5
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(mean) / error, freedom))
    return Pooled(mean, mean - reach, mean + reach, p)
