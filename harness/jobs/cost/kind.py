"""Declares cost jobs."""

from harness.jobs.base import JobKind
from harness.jobs.cost.models import CostConfig, CostResult, CostSpec

KIND = JobKind(
    declared_in=__name__,
    order=10,  # Costs first: what a quality job takes is known from them.
    algorithm=1,
    spec=CostSpec,
    result=CostResult,
    options=CostConfig,
    figures=CostResult.compared(),
)
