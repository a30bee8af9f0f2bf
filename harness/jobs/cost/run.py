"""Cost jobs."""

from typing import Any

from harness.jobs.base import Job
from harness.measure.cost import measure_cost
from harness.networks.load import load_network


def run(job: Job) -> dict[str, Any]:
    """Cost figures of the job's variant at the LR size of its HR size."""
    scale = int(job.spec["scale"])
    model = load_network(job.spec, None, "cpu")
    return measure_cost(model, job.spec["hr_height"] // scale, job.spec["hr_width"] // scale)
