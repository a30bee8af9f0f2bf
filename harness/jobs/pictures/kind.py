"""Declares pictures jobs."""

from harness.jobs.base import JobKind
from harness.jobs.pictures.models import PicturesResult, PicturesSpec

KIND = JobKind(
    declared_in=__name__,
    order=30,
    algorithm=2,
    spec=PicturesSpec,
    result=PicturesResult,
    folder="pictures",
    needs_weights=True,
    on_images=True,
    builds_on="quality",
)
