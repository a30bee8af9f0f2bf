"""Cost jobs."""

from harness.jobs.base import Job
from harness.jobs.cost.models import CostResult, CostSpec
from harness.measure.cost import measure_cost
from harness.networks.load import load_network


def run(job: Job[CostSpec]) -> CostResult:
    """Cost figures of the job's variant at the LR size of its HR size."""
    spec = job.spec
    model = load_network(spec, None, "cpu")
    size = spec.hr_height // spec.scale, spec.hr_width // spec.scale
    return CostResult.model_validate(measure_cost(model, *size))
