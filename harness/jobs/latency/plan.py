"""Which latencies to measure: one per combination of the axes that are asked for."""

from collections.abc import Iterator, Mapping
from itertools import product

from harness.backends import get_backend
from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.latency.kind import KIND
from harness.jobs.latency.models import LatencyConfig, LatencySpec
from harness.jobs.plan import UNWEIGHTED, Plan, backend_versions, precision_backend_pairs
from harness.networks.identity import network_identity
from harness.system.text import plural
from variants.catalog import Variant

_STOPPING = ("warmup_s", "max_s", "min_samples", "target")


def plan(
    config: RunConfig, made: Plan, records: Mapping[str, Record]
) -> Iterator[Job[LatencySpec]]:
    """One job per network, size, threads, batch, dtype, backend and memory format.

    Raises:
        ConfigError: the HR size is no multiple of a scale.
    """
    options, device, machine = config.part(LatencyConfig), made.device, made.machine
    if options.threads is None and machine.threads != machine.usable_cpus:
        made.warnings.append(
            f"latency runs on {plural(machine.threads, 'thread')}, as OMP_NUM_THREADS says; "
            "--threads says otherwise"
        )
    for variant, scale in made.networks:
        places = product(
            options.lr_sizes_at(scale, device),
            options.threads or (machine.threads,),
            options.batch,
        )
        for (height, width), threads, batch in places:
            pairs = precision_backend_pairs(
                config, made, variant, scale, threads, height * width * scale**2
            )
            for (dtype, backend), memory_format in (
                (pair, memory_format)
                for pair in pairs
                for memory_format in _memory_formats(options, variant, scale, pair[1])
            ):
                yield KIND.job(
                    {
                        **network_identity(variant, scale, UNWEIGHTED),
                        "device": device,
                        "device_name": machine.device_name,
                        "dtype": dtype,
                        "backend": backend,
                        "memory_format": memory_format,
                        "threads": threads,
                        "batch": batch,
                        "lr_height": height,
                        "lr_width": width,
                        "versions": backend_versions(backend),
                        "options": {name: getattr(options, name) for name in _STOPPING},
                    },
                    {"device": device},
                )


def _memory_formats(
    options: LatencyConfig, variant: Variant, scale: int, backend: str
) -> tuple[str, ...]:
    """Formats to run a variant in: all where they reach a network's convolutions."""
    if (only := variant.layout(scale).get("memory_format")) is not None:
        return (only,)
    several = variant.has_network and get_backend(backend).keeps_memory_format
    return options.memory_formats if several else options.memory_formats[:1]
