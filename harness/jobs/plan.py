"""From a configuration to the jobs that it asks for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from harness.backends import DTYPES, get_backend, slowness
from harness.data.datasets import (
    Dataset,
    check_distinct,
    find_dataset,
    get_info,
    list_datasets,
    open_folder,
)
from harness.data.layouts import name_key
from harness.errors import ConfigError, DataError
from harness.jobs.base import Job
from harness.jobs.config import RunConfig, check_divides
from harness.metrics.protocol import get_protocol
from harness.metrics.registry import beyond_first
from harness.networks.weights import Weights, resolve_weights, why_unused
from harness.system.environment import cuda_available, device_name, package_version, usable_cpus
from variants.catalog import Variant, get_variant

ALGORITHM = {"cost": 1, "quality": 1, "latency": 4, "pictures": 2}
"""Raised when a stage computes something else, so that older records are measured again."""

UNWEIGHTED = Weights(label="any", origin="figures do not depend on weights")
"""Cost and latency do not depend on the values of the weights."""


@dataclass
class Plan:
    """What a run will do.

    Attributes:
        cost: cost jobs.
        quality: quality jobs.
        latency: latency jobs; they must run alone.
        pictures: pictures jobs, which are known when the quality jobs are done.
        device: ``"cpu"`` or ``"cuda"``.
        datasets: what was found, for pixels and messages.
        dataset_notes: one row per dataset asked for or known: name, status, reason.
        warnings: sentences for the user, about this machine.
    """

    device: str
    cost: list[Job] = field(default_factory=list)
    quality: list[Job] = field(default_factory=list)
    latency: list[Job] = field(default_factory=list)
    pictures: list[Job] = field(default_factory=list)
    datasets: list[Dataset] = field(default_factory=list)
    dataset_notes: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def jobs(self) -> list[Job]:
        """All jobs that are known, in the order of execution."""
        return [*self.cost, *self.quality, *self.pictures, *self.latency]


def make_plan(config: RunConfig) -> Plan:
    """List every job of a run.

    Raises:
        ConfigError: a GPU was asked for and there is none, a size does not divide, or weights
            would be used nowhere.
        DataError: a dataset that was named cannot be found.
        UnknownNameError: an unknown dataset.
        WeightsError: a file of weights belongs to another network.
    """
    plan = Plan(device=resolve_device(config.device))
    chosen = [get_variant(name) for name in config.variants]
    networks = [(variant, scale) for scale in config.scales for variant in chosen]
    _check_idle_options(config, plan)
    cells = [
        (variant, scale, weights)
        for variant, scale in networks
        for weights in resolve_weights(variant, scale, config.weights)
    ]
    if "cost" in config.only:
        plan.cost = [_cost_job(config, variant, scale) for variant, scale in networks]
    if "quality" in config.only or "pictures" in config.only:
        find_datasets(config, plan)
        for dataset in plan.datasets:
            _add_dataset_jobs(config, plan, dataset, cells)
    if "latency" in config.only:
        plan.latency = [
            job
            for variant, scale in networks
            for job in _latency_jobs(config, plan.device, variant, scale)
        ]
    _note_slow_dtypes(plan)
    return plan


def _note_slow_dtypes(plan: Plan) -> None:
    jobs = [*plan.quality, *plan.latency]
    ways = {(job.spec["dtype"], get_backend(job.spec["backend"]).package) for job in jobs}
    lower = {dtype for dtype, package in ways if package == "torch"} - {"float32", "float64"}
    # Asked last, for it imports torch, which takes longer than the rest of a plan.
    if lower and (note := slowness(sorted(lower), plan.device)):
        plan.warnings.append(note)


def _check_idle_options(config: RunConfig, plan: Plan) -> None:
    """Refuse files of weights that nothing would be measured with; say what else does nothing."""
    for file in config.weights:
        if reason := why_unused(file, config.variants, config.scales, config.weights):
            raise ConfigError(reason)
    if config.weights and not {"quality", "pictures"} & set(config.only):
        plan.warnings.append("--weights changes nothing here: cost and latency do not depend on it")
    if config.save_images and not {"quality", "pictures"} & set(config.only):
        plan.warnings.append("--save-images changes nothing here: only quality makes images")
    if "recipe" in config.model_fields_set and config.train == "none":
        plan.warnings.append("--recipe changes nothing without --train missing")


def resolve_device(asked: str) -> str:
    """``"cpu"`` or ``"cuda"``; ConfigError if a GPU was asked for and torch sees none."""
    if asked == "cpu" or (asked == "auto" and not cuda_available()):
        return "cpu"
    if not cuda_available():
        raise ConfigError(
            "--device cuda: torch sees no GPU here. Use --device cpu, or install a CUDA build of "
            "torch and check `nvidia-smi`."
        )
    return "cuda"


def find_datasets(config: RunConfig, plan: Plan) -> None:
    """Find the datasets asked for; without ``--datasets`` all registered ones that are there."""
    check_distinct(config.dataset_folders)
    for name, folder in config.dataset_folders.items():
        plan.datasets.append(open_folder(name, folder).limited(config.limit))
    registered = [info.name for info in list_datasets() if info.role == "test"]
    brought = {name_key(name) for name in config.dataset_folders}
    wanted = () if config.datasets is None and brought else config.datasets
    explicit = wanted is not None and "all" not in wanted
    others = [name for name in wanted or () if name_key(name) not in brought]
    asked = [get_info(name).name for name in others] if explicit else registered
    # Those that nobody asked for are looked for as well: a report says how to get what is absent.
    for name in dict.fromkeys([*asked, *registered]):
        if name_key(name) in brought:
            continue
        try:
            dataset = find_dataset(name, config.data_root).limited(config.limit)
        except DataError as error:
            if explicit and name in asked:
                raise
            # Records and reports travel; where this machine was searched is for its user alone.
            reason = f"no copy was found; to get it: {get_info(name).how_to_get}"
            note = {"name": name, "status": "not found", "reason": reason, "asked": name in asked}
            plan.dataset_notes.append(note)
            if name in asked:
                plan.warnings.append(str(error))
        else:
            if name in asked:
                plan.datasets.append(dataset)
    for dataset in plan.datasets:
        incomplete = not dataset.complete and config.limit is None
        counted = dataset.counted if incomplete else f"{len(dataset.images)} images"
        if incomplete:
            plan.warnings.append(
                f"dataset {dataset.name} is not the whole one: {counted} in {dataset.folder}"
            )
        if dataset.left_out:
            plan.warnings.append(f"dataset {dataset.name}: {dataset.left_out_note}")
        plan.dataset_notes.append(
            {
                "name": dataset.name,
                "status": "incomplete" if incomplete else "found",
                "reason": "; ".join(filter(None, (counted, dataset.left_out_note))),
                "n_images": len(dataset.images),
                "asked": True,
            }
        )


def _common(kind: str, variant: Variant, scale: int, weights: Weights) -> dict[str, Any]:
    return {
        "algorithm": ALGORITHM[kind],
        "variant": {
            "name": variant.name,
            "label": variant.label,
            "paper_row": variant.paper_row,
            "architecture": variant.architecture(scale),
        },
        "scale": scale,
        "weights": weights.identity(),
    }


def _cost_job(config: RunConfig, variant: Variant, scale: int) -> Job:
    height, width = config.cost.hr_height, config.cost.hr_width
    check_divides(height, width, scale, "cost")
    versions = {name: package_version(name) for name in ("torch", "fvcore", "ptflops")}
    spec = {
        **_common("cost", variant, scale, UNWEIGHTED),
        "hr_height": height,
        "hr_width": width,
        "versions": versions,
    }
    return Job("cost", spec)


def _precision_backend_pairs(config: RunConfig, variant: Variant) -> list[tuple[str, str]]:
    """(dtype, backend) pairs to run a variant in; an interpolation has but one."""
    if not variant.has_network:
        return [("float32", "eager")]
    return [(DTYPES[dtype], backend) for backend in config.backends for dtype in config.dtypes]


def _backend_versions(backend: str) -> dict[str, str]:
    return {name: package_version(name) for name in ("torch", get_backend(backend).package)}


def _memory_formats(config: RunConfig, variant: Variant, backend: str) -> tuple[str, ...]:
    """Formats to run a variant in: all where they reach a network's convolutions."""
    formats = config.latency.memory_formats
    several = variant.has_network and get_backend(backend).keeps_memory_format
    return formats if several else formats[:1]


def _latency_jobs(config: RunConfig, device: str, variant: Variant, scale: int) -> Iterator[Job]:
    """One job per combination of the axes that latency is asked for at."""
    options = config.latency
    stopping = ("warmup_s", "max_s", "min_samples", "target")
    places = product(
        options.lr_sizes_at(scale, device), options.threads or (usable_cpus(),), options.batch
    )
    for ((height, width), threads, batch), (dtype, backend) in product(
        places, _precision_backend_pairs(config, variant)
    ):
        for memory_format in _memory_formats(config, variant, backend):
            spec = {
                **_common("latency", variant, scale, UNWEIGHTED),
                "device": device,
                "device_name": device_name(device),
                "dtype": dtype,
                "backend": backend,
                "memory_format": memory_format,
                "threads": threads,
                "batch": batch,
                "lr_height": height,
                "lr_width": width,
                "versions": _backend_versions(backend),
                "options": {name: getattr(options, name) for name in stopping},
            }
            yield Job("latency", spec)


def _add_dataset_jobs(
    config: RunConfig, plan: Plan, dataset: Dataset, cells: list[tuple[Variant, int, Weights]]
) -> None:
    content = {
        "name": dataset.name,
        "n_images": len(dataset.images),
        "sha256": dataset.fingerprint(),
    }
    for protocol_name, (variant, scale, weights) in product(config.protocols, cells):
        for dtype, backend in _precision_backend_pairs(config, variant):
            spec = {
                **_common("quality", variant, scale, weights),
                "dataset": content,
                "protocol": get_protocol(protocol_name).as_dict(),
                # Double precision for the baseline, as MATLAB has.
                "dtype": dtype if variant.has_network else "float64",
                "backend": backend,
                **beyond_first(),
            }
            if get_backend(backend).compiles:
                # A compiler may change what is computed; plain torch keeps to float noise.
                spec["versions"] = _backend_versions(backend)
            if config.save_images:
                spec["save_images"] = True
            inputs = {
                "images": [str(path) for path in dataset.images],
                "weights": None if weights.path is None else str(weights.path),
                "device": plan.device,
                "results": str(config.results.resolve()),
            }
            plan.quality.append(Job("quality", spec, inputs))
