"""Which costs to count: those of every variant at every scale."""

from collections.abc import Iterator, Mapping

from harness.backends import AUTO, get_backend
from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.cost.kind import KIND
from harness.jobs.cost.models import CostConfig, CostSpec
from harness.jobs.options import lr_size
from harness.jobs.plan import UNWEIGHTED, Plan
from harness.networks.identity import network_identity
from harness.system.environment import package_version


def plan(config: RunConfig, made: Plan, records: Mapping[str, Record]) -> Iterator[Job[CostSpec]]:
    """One job per variant and scale, and one per backend that rewrites the network.

    Raises:
        ConfigError: the HR size is no multiple of a scale.
    """
    options = config.part(CostConfig)
    versions = {name: package_version(name) for name in ("torch", "fvcore", "ptflops")}
    for variant, scale in made.networks:
        height, width = lr_size(
            options.hr_height,
            options.hr_width,
            scale,
            "cost",
            by_default=not {"hr_height", "hr_width"} & options.model_fields_set,
        )
        spec = {
            **network_identity(variant, scale, UNWEIGHTED),
            "hr_height": height * scale,
            "hr_width": width * scale,
            "versions": versions,
        }
        yield KIND.job(spec)
        for backend in config.backends:
            if backend == AUTO or not variant.has_network:
                continue  # It takes none that rewrites the network.
            if get_backend(backend).rewrite is not None:
                yield KIND.job({**spec, "backend": backend})
