"""Whether a latency changed by more than it varies."""

import numpy as np

from harness.jobs.latency.models import LatencyResult
from harness.report.rows import Latency
from harness.statistics.bootstrap import LEVEL, Float64Array, bootstrap
from harness.statistics.rounds import RESAMPLES

_FEWEST = 5


def beyond_noise(before: Latency, after: Latency, figure: str) -> tuple[bool | None, str]:
    """Whether the change of a quantile is more than noise, and why; None of what is no quantile.

    It is if the two bootstrap intervals of the quantile have no value in common, and neither
    median stayed unknown. The spread of single passes plays no part: a median is known far better
    than a pass, so that 3 % can be seen where passes vary by 5 %. Disjoint intervals ask for more
    than an interval of the difference that excludes 0, which successive passes, being not
    independent, would make too sure.
    """
    quantile = LatencyResult.shown()[figure].quantile
    if quantile is None:
        return None, ""
    if before.is_noisy or after.is_noisy:
        return False, "not judged: marked noisy"
    old, new = _interval(before, quantile), _interval(after, quantile)
    if old is None or new is None:
        return False, f"not judged: fewer than {_FEWEST} samples"
    disjoint = old[1] < new[0] or new[1] < old[0]
    return disjoint, "beyond noise" if disjoint else "within noise"


def _interval(cell: Latency, quantile: float) -> tuple[float, float] | None:
    """95 % bootstrap interval of a quantile: the record's, else from its samples."""
    if quantile == 0.5:
        low, high = cell.figure("median_low_ms"), cell.figure("median_high_ms")
        if low is not None and high is not None:
            return low, high
    samples = np.array((cell.result and cell.result.samples_ms) or ())
    if len(samples) < _FEWEST:
        return None

    def quantiles(rows: Float64Array) -> Float64Array:
        return np.asarray(np.quantile(rows, quantile, axis=1))

    drawn = bootstrap(samples, quantiles, seed=len(samples), resamples=RESAMPLES)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
