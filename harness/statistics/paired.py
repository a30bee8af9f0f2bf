"""Paired tests over images, corrections and verdicts.

Images are the units: a dataset is taken as a sample of images like its own. Nothing here speaks
about other trainings of the same network; the spread over seeds does.
"""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from harness.statistics.bootstrap import Float64Array, bootstrap_means

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
