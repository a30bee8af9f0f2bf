"""Which qualities to measure: of every network on every dataset, in every way asked for."""

from collections.abc import Iterator, Mapping
from itertools import product

from harness.backends import get_backend
from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.plan import Plan, backend_versions, precision_backend_pairs
from harness.jobs.quality.kind import KIND
from harness.jobs.quality.models import QualitySpec
from harness.metrics.protocol import get_protocol
from harness.metrics.registry import beyond_first
from harness.networks.identity import network_identity


def plan(
    config: RunConfig, made: Plan, records: Mapping[str, Record]
) -> Iterator[Job[QualitySpec]]:
    """One job per dataset, protocol, network, dtype and backend."""
    for dataset in made.datasets:
        content = {
            "name": dataset.name,
            "n_images": len(dataset.images),
            "sha256": dataset.fingerprint(),
        }
        protocols = map(get_protocol, config.protocols)
        for protocol, (variant, scale, weights) in product(protocols, made.cells):
            for dtype, backend in precision_backend_pairs(config, made, variant, scale):
                spec = {
                    **network_identity(variant, scale, weights),
                    "dataset": content,
                    "protocol": protocol.as_dict(),
                    # Double precision for the baseline, as MATLAB has.
                    "dtype": dtype if variant.has_network else "float64",
                    "backend": backend,
                    **beyond_first(protocol, config.metrics),
                }
                if get_backend(backend).compiles:
                    # A compiler may change what is computed; plain torch keeps to float noise.
                    spec["versions"] = backend_versions(backend)
                if config.save_images:
                    spec["save_images"] = True
                inputs = {
                    "images": [str(path) for path in dataset.images],
                    "weights": None if weights.path is None else str(weights.path),
                    "device": made.device,
                    "results": str(config.results.resolve()),
                }
                yield KIND.job(spec, inputs)
