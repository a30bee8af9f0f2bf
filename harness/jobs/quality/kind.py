"""Declares quality jobs."""

from harness.jobs.base import JobKind
from harness.jobs.quality.models import QualityResult, QualitySpec
from harness.metrics.registry import METRICS

KIND = JobKind(
    declared_in=__name__,
    order=20,
    algorithm=1,
    spec=QualitySpec,
    result=QualityResult,
    figures=METRICS.keys(),
    folder="images",
    needs_weights=True,
    on_images=True,
)
