"""Whether a latency changed by more than it varies."""

import numpy as np

from harness.report.model import Latency
from harness.report.stats import LEVEL, seed_of

_RESAMPLES = 2_000
_FEWEST = 5
_QUANTILES = {"median_ms": 0.5, "p95_ms": 0.95}


def beyond_noise(before: Latency, after: Latency, figure: str) -> tuple[bool, str]:
    """Whether the change of a quantile is more than noise, and why.

    It is if a bootstrap interval of the difference of quantiles excludes 0, the difference also
    exceeds the larger of the two interquartile ranges (successive passes are not independent, so
    that the bootstrap alone is too sure), and neither measurement was still moving.
    """
    if before.noisy or after.noisy:
        return False, "not judged: marked noisy"
    if min(len(before.samples), len(after.samples)) < _FEWEST:
        return False, f"not judged: fewer than {_FEWEST} samples"
    a, b = np.array(before.samples), np.array(after.samples)
    quantile = _QUANTILES[figure]
    rng = np.random.default_rng(seed_of(np.concatenate([a, b])))
    drawn = [
        np.quantile(rng.choice(x, size=(_RESAMPLES, len(x))), quantile, axis=1) for x in (a, b)
    ]
    low, high = np.quantile(drawn[1] - drawn[0], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    spread = max(float(np.subtract(*np.percentile(x, [75, 25]))) for x in (a, b))
    difference = float(np.quantile(b, quantile) - np.quantile(a, quantile))
    if low <= 0 <= high or abs(difference) <= spread:
        return False, "within noise"
    return True, "beyond noise"
