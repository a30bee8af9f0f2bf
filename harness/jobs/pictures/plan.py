"""Which pictures to show: decided from quality records, the same for every variant."""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.plan import ALGORITHM, Plan

FIXED = "fixed: the first image"
DIFFERENT = "largest difference between variants"
N_DIFFERENT = 2


def plan_pictures(config: RunConfig, plan: Plan, records: Mapping[str, Record]) -> list[Job]:
    """A pictures job for every quality job that was done, showing per dataset and scale its first
    image and those on which the networks' PSNR differ most.
    """
    if "pictures" not in config.only:
        return []
    groups: dict[tuple[str, int], list[Job]] = defaultdict(list)
    for job in plan.quality:
        record = records.get(job.id)
        dataset = job.spec["dataset"]["name"]
        shown = "all" in config.pictures or dataset in config.pictures
        # One protocol and plain arithmetic are enough: the rest differs in no visible way.
        first = job.spec["protocol"]["name"] == config.protocols[0]
        first &= job.spec["backend"] == "eager" and job.spec["dtype"] in ("float32", "float64")
        if shown and first and record is not None and record.status == "done":
            groups[dataset, job.spec["scale"]].append(job)
    jobs = []
    for group in groups.values():
        wanted = choose([records[job.id] for job in group])
        for job in group:
            left_out = ("save_images", "metrics")
            spec = {key: value for key, value in job.spec.items() if key not in left_out}
            spec |= {"algorithm": ALGORITHM["pictures"], "pictures": wanted}
            jobs.append(Job("pictures", spec, job.inputs))
    return jobs


def choose(records: list[Record]) -> list[dict[str, Any]]:
    """``image`` and ``why`` of the pictures to show, from quality records of one dataset."""
    first = records[0].result["images"][0]["image"]
    chosen = [{"image": first, "why": FIXED}]
    values: dict[str, list[float]] = defaultdict(list)
    for record in records:
        if record.spec["variant"]["architecture"]["upsampler"] is not None:
            for row in record.result["images"]:
                values[row["image"]].append(row["psnr_y"])
    spread = {name: _spread(v) for name, v in values.items() if len(v) > 1 and name != first}
    for name in sorted(spread, key=lambda n: (-spread[n], n))[:N_DIFFERENT]:
        chosen.append({"image": name, "why": DIFFERENT})
    return chosen


def _spread(values: list[float]) -> float:
    """From the least to the largest; 0 where all are infinite, as all are identical to HR."""
    numbers = [value for value in values if not math.isnan(value)] or [0.0]
    least, most = min(numbers), max(numbers)
    return 0.0 if least == most else most - least
