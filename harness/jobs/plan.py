"""From a configuration to the jobs that it asks for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from harness.backends import AUTO, get_backend, recorded_dtype, slowness
from harness.data.datasets import (
    DATA_ROOT_VARIABLE,
    Dataset,
    check_distinct,
    data_root,
    find_dataset,
    get_info,
    list_datasets,
    open_folder,
)
from harness.data.layouts import name_key
from harness.errors import ConfigError, DataError
from harness.jobs.base import Job, JobKind, R, Record, S
from harness.jobs.config import RunConfig
from harness.jobs.idle import idle_options, idle_ways
from harness.jobs.kinds import kinds
from harness.networks.weights import Weights, resolve_weights, why_unused
from harness.system.environment import (
    Machine,
    cuda_available,
    package_version,
    this_machine,
)
from variants.catalog import Variant, get_variant

UNWEIGHTED = Weights(label="any", origin="figures do not depend on weights")
"""Cost and latency do not depend on the values of the weights."""


@dataclass
class Plan:
    """What a run will do.

    Attributes:
        machine: where latency is measured.
        networks: variants and the scales to measure them at.
        cells: the same with each of the weights to evaluate.
        by_kind: jobs, in the order of execution. Those of a kind that builds on others are known
            when these are done.
        datasets: what was found, for pixels and messages.
        dataset_notes: one row per dataset asked for or known: name, status, reason.
        warnings: sentences for the user, about this machine.
        measures: whether backends may be measured while planning, for ``AUTO``.
        fastest: of ``AUTO``, what it is, by variant, scale, dtype, threads and HR pixels.
    """

    machine: Machine
    networks: list[tuple[Variant, int]] = field(default_factory=list)
    cells: list[tuple[Variant, int, Weights]] = field(default_factory=list)
    by_kind: dict[str, list[Job]] = field(default_factory=dict)
    datasets: list[Dataset] = field(default_factory=list)
    dataset_notes: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    measures: bool = True
    fastest: dict[tuple[str, int, str, int, int], str] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """``"cpu"`` or ``"cuda"``."""
        return self.machine.device

    @property
    def jobs(self) -> list[Job]:
        """All jobs that are known, in the order of execution."""
        return [job for name in kinds() for job in self.by_kind.get(name, ())]

    def of(self, kind: JobKind[S, R]) -> list[Job[S]]:
        """The jobs of a kind that are known."""
        return cast("list[Job[S]]", self.by_kind.get(kind.name, []))


def make_plan(config: RunConfig, machine: Machine | None = None, *, measures: bool = True) -> Plan:
    """List every job of a run, but for those that depend on what others find.

    Args:
        config: of the run.
        machine: where it is executed; None for this one.
        measures: whether ``--backend auto`` may measure what it is here, for some seconds per
            network, where that is not known yet; else it is eager.

    Raises:
        ConfigError: a GPU was asked for and there is none, a size does not divide, weights would
            be used nowhere, or the fastest backend was asked for and jobs run elsewhere.
        DataError: a dataset that was named cannot be found.
        UnknownNameError: an unknown dataset.
        WeightsError: a file of weights belongs to another network.
    """
    plan = Plan(machine or this_machine(resolve_device(config.device)), measures=measures)
    if AUTO in config.backends and (config.executor != "local" or not plan.machine.here):
        raise ConfigError(
            f"--backend {AUTO} measures this machine, and --executor {config.executor} runs jobs "
            "on others: name a backend"
        )
    chosen = [get_variant(name) for name in config.variants]
    plan.networks = [
        (variant, scale) for scale in config.scales for variant in chosen if variant.serves(scale)
    ]
    _check_idle_options(config, plan)
    plan.cells = [
        (variant, scale, weights)
        for variant, scale in plan.networks
        for weights in resolve_weights(variant, scale, config.weights)
    ]
    wanted = _with_bases(config.only)
    if any(kind.on_images for kind in wanted):
        find_datasets(config, plan)
    for kind in wanted:
        if kind.builds_on is None:
            plan.by_kind[kind.name] = list(kind.module("plan").plan(config, plan, {}))
    plan.warnings += idle_ways(config, plan.jobs) + _what_auto_is(plan)
    _note_slow_dtypes(plan)
    return plan


def expected_further(config: RunConfig, plan: Plan) -> list[tuple[JobKind, Job]]:
    """Which jobs will be planned when others are done, if all goes well.

    Returns:
        The kind that is to come, and the job that it builds on.
    """
    wanted = [kind for kind in kinds().values() if kind.builds_on and kind.name in config.only]
    return [
        (kind, job)
        for kind in wanted
        for job in getattr(kind.module("plan"), "candidates", lambda *_: [])(config, plan)
    ]


def plan_further(
    kind: JobKind, config: RunConfig, plan: Plan, records: Mapping[str, Record]
) -> list[Job]:
    """Jobs of a kind that builds on another, whose jobs are done; they are added to the plan.

    Args:
        kind: none is planned if it was not asked for, or does not build on another.
        config: of the run.
        plan: of the run.
        records: by job.
    """
    if kind.builds_on is None or kind.name not in config.only:
        return []
    plan.by_kind[kind.name] = list(kind.module("plan").plan(config, plan, records))
    return plan.by_kind[kind.name]


def _with_bases(names: Iterable[str]) -> list[JobKind]:
    """Kinds by name, and those that they build on, in the order of execution."""
    wanted = set(names)
    for name, kind in reversed(kinds().items()):
        if name in wanted and kind.builds_on is not None:
            wanted.add(kind.builds_on)
    return [kind for name, kind in kinds().items() if name in wanted]


def _note_slow_dtypes(plan: Plan) -> None:
    pairs = {(job.spec.dtype, get_backend(job.spec.backend).package) for job in plan.jobs}
    lower = {dtype for dtype, package in pairs if package == "torch"} - {"float32", "float64"}
    # Asked last, for it imports torch, which takes longer than the rest of a plan.
    if lower and plan.machine.here and (note := slowness(sorted(lower), plan.device)):
        plan.warnings.append(note)


def _check_idle_options(config: RunConfig, plan: Plan) -> None:
    """Refuse files of weights that nothing would be measured with; say what else does nothing."""
    for file in config.weights:
        if file.folder is not None:
            continue  # A folder may hold more than is measured.
        if reason := why_unused(file, config.variants, config.scales, config.weights):
            raise ConfigError(reason)
    served = {variant.name for variant, _ in plan.networks}
    for name in config.variants:
        if name not in served:
            listed = ", ".join(f"{scale}x" for scale in config.scales)
            own = get_variant(name).scales_in_words()
            raise ConfigError(
                f"{name} would be measured nowhere: it is for {own}, and this run measures "
                f"{listed}; choose with --scales"
            )
    plan.warnings += idle_options(config)


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
    absent: list[str] = []
    for name in dict.fromkeys([*asked, *registered]):
        if name_key(name) in brought:
            continue
        try:
            dataset = find_dataset(name, config.data_root).limited(config.limit)
        except DataError:
            if explicit and name in asked:
                raise
            # Records and reports travel; where this machine was searched is for its user alone.
            reason = f"no copy was found; to get it: {get_info(name).how_to_get}"
            note = {"name": name, "status": "not found", "reason": reason, "asked": name in asked}
            plan.dataset_notes.append(note)
            if name in asked:
                absent.append(name)
        else:
            if name in asked:
                plan.datasets.append(dataset)
    plan.warnings += _absence(absent, config)
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


def _absence(names: list[str], config: RunConfig) -> list[str]:
    """One line on datasets that were not found."""
    if not names:
        return []
    root = data_root(config.data_root)
    where = f"in {root}" if root else f"as neither --data-root nor {DATA_ROOT_VARIABLE} is set"
    found = ", ".join(names)
    return [f"not found {where}: {found}; `harness data list` says how to get them"]


def precision_backend_pairs(
    config: RunConfig,
    made: Plan,
    variant: Variant,
    scale: int,
    threads: int | None = None,
    hr_pixels: int = 10**6,
) -> list[tuple[str, str]]:
    """(dtype, backend) pairs to run a network in; an interpolation has but one.

    A backend that lacks a dtype is passed over for it if it computes in another one that is asked
    for, and another backend computes in that dtype; else the job says that it is unavailable.

    Args:
        config: of the run.
        made: its plan, which knows what ``AUTO`` is.
        variant: the network.
        scale: of the network.
        threads: to compute with; None for those of a quality job.
        hr_pixels: of its images, about.
    """
    if not variant.has_network:
        return [("float32", "eager")]
    own = threads or max(1, made.machine.threads // config.workers)
    pairs = [
        (dtype, _fastest(made, variant, scale, dtype, own, hr_pixels) if name == AUTO else name)
        for name in config.backends
        for dtype in map(recorded_dtype, config.dtypes)
    ]
    can = {pair for pair in pairs if get_backend(pair[1]).computes_in(pair[0])}
    dtypes, backends = ({pair[place] for pair in can} for place in (0, 1))
    wanted = (
        pair for pair in pairs if pair in can or pair[0] not in dtypes or pair[1] not in backends
    )
    return list(dict.fromkeys(wanted))


def _fastest(
    made: Plan, variant: Variant, scale: int, dtype: str, threads: int, hr_pixels: int
) -> str:
    from harness.networks.fastest import fastest_way
    from harness.networks.ways import Wanted

    key = (variant.name, scale, dtype, threads, hr_pixels)
    if key not in made.fastest:
        paths = [w.path for v, s, w in made.cells if (v.name, s) == key[:2] and w.path is not None]
        wanted = Wanted(
            *(variant, scale, dtype, made.device, made.machine.device_name, threads),
            weights=paths[0] if paths else False,
            hr_pixels=hr_pixels,
        )
        made.fastest[key], *_ = fastest_way(wanted, measure=made.measures)
    return made.fastest[key]


def _what_auto_is(plan: Plan) -> list[str]:
    """One line on what ``AUTO`` has become."""
    networks: dict[str, dict[str, None]] = {}
    for (variant, scale, *_), backend in plan.fastest.items():
        networks.setdefault(backend, {})[f"{variant} {scale}x"] = None
    found = [f"{backend} for {', '.join(names)}" for backend, names in networks.items()]
    return [f"--backend {AUTO} is {'; '.join(found)}"] if found else []


def backend_versions(backend: str) -> dict[str, str]:
    """Of the packages that a backend's arithmetic depends on."""
    return {name: package_version(name) for name in ("torch", get_backend(backend).package)}
