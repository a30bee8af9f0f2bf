"""Declares latency jobs."""

from collections.abc import Sequence

from harness.jobs.base import JobKind
from harness.jobs.latency.models import LatencyConfig, LatencyResult, LatencySpec
from harness.measure import BUSY_PERCENT


def _remark(results: Sequence[LatencyResult]) -> str | None:
    """A warning where other programs used the processors meanwhile."""
    busy = max((result.busy_percent or 0.0 for result in results), default=0.0)
    if busy <= BUSY_PERCENT:
        return None
    return (
        f"other programs used {busy:.0f}% of the processors when latency was measured; expect "
        "noise, and measure again on a quiet machine (--only latency --fresh)."
    )


KIND = JobKind(
    declared_in=__name__,
    order=40,
    algorithm=4,
    spec=LatencySpec,
    result=LatencyResult,
    options=LatencyConfig,
    figures=LatencyResult.compared(),
    alone=True,
    remark=_remark,
)
