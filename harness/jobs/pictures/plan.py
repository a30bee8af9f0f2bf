"""Which pictures to show: decided from quality records, the same for every variant."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.pictures.kind import KIND
from harness.jobs.pictures.models import PicturesSpec
from harness.jobs.plan import Plan
from harness.jobs.quality.kind import KIND as QUALITY
from harness.jobs.quality.models import QualitySpec
from harness.metrics.registry import PSNR

FIXED = "fixed: the first image"
DIFFERENT = "largest difference between variants"
N_DIFFERENT = 2
_OF_QUALITY_ALONE = ("algorithm", "save_images", "metrics", "metric_plugins")


def plan(
    config: RunConfig, made: Plan, records: Mapping[str, Record]
) -> Iterator[Job[PicturesSpec]]:
    """A pictures job for every quality job that was done, showing per dataset and scale its first
    image and those on which the networks' PSNR differ most.
    """
    groups: dict[tuple[str, int], list[Job[QualitySpec]]] = defaultdict(list)
    for job in candidates(config, made):
        if job.id in records and records[job.id].status == "done":
            groups[job.spec.dataset.name, job.spec.scale].append(job)
    for group in groups.values():
        wanted = choose(records[job.id] for job in group)
        for job in group:
            stored = job.spec.stored().items()
            common = {key: value for key, value in stored if key not in _OF_QUALITY_ALONE}
            yield KIND.job({**common, "pictures": wanted}, job.inputs)


def candidates(config: RunConfig, made: Plan) -> list[Job[QualitySpec]]:
    """The quality jobs that get pictures if all goes well, for what a run is to count."""
    return [
        job
        for job in {job.id: job for job in made.of(QUALITY)}.values()
        if {"all", job.spec.dataset.name} & set(config.pictures)
        # One protocol and plain arithmetic are enough: the rest differs in no visible way.
        and job.spec.protocol.name == config.protocols[0]
        and job.spec.backend == "eager"
        and job.spec.dtype in ("float32", "float64")
        and not job.spec.lacks_weights
    ]


def choose(records: Iterable[Record]) -> list[dict[str, Any]]:
    """``image`` and ``why`` of the pictures to show, from quality records of one dataset."""
    rows = [
        (record.spec.variant.has_network, row)
        for record in QUALITY.records(records)
        for row in (record.result and record.result.images) or ()
    ]
    if not rows:
        return []
    first = rows[0][1].image
    values: dict[str, list[float]] = defaultdict(list)
    for has_network, row in rows:
        if has_network and PSNR.key in row.scores:
            values[row.image].append(row.scores[PSNR.key])
    chosen = [{"image": first, "why": FIXED}]
    spread = {name: _spread(v) for name, v in values.items() if len(v) > 1 and name != first}
    for name in sorted(spread, key=lambda n: (-spread[n], n))[:N_DIFFERENT]:
        chosen.append({"image": name, "why": DIFFERENT})
    return chosen


def _spread(values: list[float]) -> float:
    """From the least to the largest; 0 where all are infinite, as all are identical to HR."""
    numbers = [value for value in values if not math.isnan(value)] or [0.0]
    least, most = min(numbers), max(numbers)
    return 0.0 if least == most else most - least
