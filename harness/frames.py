"""Runs, comparisons, costs and latency from Python, as data frames."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.comparison import compare_runs
from harness.jobs.base import Record
from harness.jobs.config import RunConfig, load_config
from harness.jobs.cost.kind import KIND as COST
from harness.jobs.cost.tables import cost_table
from harness.jobs.execute import execute
from harness.jobs.latency.group import groups, measure_group
from harness.jobs.latency.kind import KIND as LATENCY
from harness.jobs.latency.tables import latency_table
from harness.jobs.plan import make_plan
from harness.jobs.store import ResultsFolder
from harness.jobs.tables import tables
from harness.running import run as run_jobs
from variants.catalog import SCALES

Names = str | Iterable[str]
Scales = int | Iterable[int]
Networks = Mapping[str, str | Mapping[str, Any]]
"""Names to ``module:factory``, ``FILE.py:factory``, a file that spandrel recognises, or a mapping
with that under ``from`` beside ``colour``, ``scales``, ``multiple`` and ``label``."""


def run(
    variants: Names = "all",
    datasets: Names | Mapping[str, str | Path] | None = None,
    scales: Scales = SCALES,
    *,
    networks: Networks | None = None,
    results: str | Path = "runs/latest",
    fresh: bool = False,
    **options: Any,
) -> dict[str, pd.DataFrame]:
    """What ``python -m harness run`` does: measure, record, render the report.

    What ``results`` holds already is not measured again. Progress goes to standard error.

    Args:
        variants: names of :func:`variants.list_models`, or ``"all"``.
        datasets: registered names, or a mapping from names to folders; None takes the embedded
            images and all that are found.
        scales: some of 2, 4 and 8.
        networks: from outside, beside the variants: names to where they come from, see
            :data:`Networks`.
        results: the results folder; the report is in its folder ``report``.
        fresh: measure again what is there.
        **options: the other fields of :class:`harness.jobs.config.RunConfig`, such as ``only``,
            ``limit``, ``workers``, ``data_root``, ``device`` or ``latency``.

    Returns:
        The tables of the results folder, numbers unrounded: ``quality`` (means), ``images`` (per
        image), ``cost`` and ``latency``. A row that was not measured says why in ``status`` and
        ``reason``.

    Raises:
        HarnessError, VariantError: an option is not acceptable, data are missing, or results
            cannot be stored.
    """
    given: dict[str, Any] = {
        "variants": variants,
        "networks": networks,
        "scales": scales,
        "results": Path(results),
    }
    if isinstance(datasets, Mapping):
        given["dataset_folders"] = {name: Path(path) for name, path in datasets.items()}
    elif datasets is not None:
        given["datasets"] = datasets
    config = _config(given | options)
    run_jobs(config, fresh=fresh)
    folder = ResultsFolder(config.results)
    records = folder.current(folder.read().values())
    return {name.removesuffix(".csv"): make(records).frame() for name, make in tables().items()}


def compare(
    run_a: str | Path, run_b: str | Path, names: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """What changed from one results folder to another; no torch is needed.

    Args:
        run_a: how it was.
        run_b: how it is.
        names: variants of ``run_a`` that are to be compared with others of ``run_b``.

    Returns:
        One row per figure of every cell that both have: ``variant``, ``label``, ``scale``,
        ``place``, ``figure``, ``before``, ``after``, ``change``; ``low`` and ``high`` (of the
        change), ``p`` and ``verdict`` where there are statistics.

    Raises:
        ConfigError: ``names`` has one that ``run_a`` or ``run_b`` lacks.
        ResultsError: a folder holds no results.
    """
    comparison = compare_runs(Path(run_a), Path(run_b), names=names or {})
    return pd.DataFrame(comparison.rows()["changes"])


def cost(
    variants: Names = "all",
    scales: Scales = SCALES,
    hr_size: tuple[int, int] | None = None,
    *,
    networks: Networks | None = None,
) -> pd.DataFrame:
    """Parameters, MACs, activations and memory of variants.

    Args:
        variants: names of :func:`variants.list_models`, or ``"all"``.
        scales: some of 2, 4 and 8.
        hr_size: width and height of the output in pixels, multiples of the scales; None for
            1280 x 720, or at other scales than 2, 4 and 8 the largest multiple below it.
        networks: from outside, beside the variants; see :func:`run`.

    Returns:
        One row per scale and variant: ``variant``, ``label``, ``scale``, ``hr_height``,
        ``hr_width``, ``lr_height``, ``lr_width``, the figures of
        :func:`harness.measure.cost.measure_cost` (``params``, ``macs``, ``flops``,
        ``peak_memory_bytes``, ...) and MACs by other tools (``macs_fvcore``, ...).

    Raises:
        HarnessError, VariantError: unknown names, or a size that a scale does not divide.
    """
    size = {} if hr_size is None else {"hr_width": hr_size[0], "hr_height": hr_size[1]}
    given = {"variants": variants, "networks": networks, "scales": scales}
    config = _config({**given, "only": "cost", "cost": size})
    records = [execute(job) for job in make_plan(config).of(COST)]
    return cost_table(records).frame().drop(columns=["weights", "job"])


def latency(
    variants: Names = "all",
    scales: Scales = SCALES,
    *,
    networks: Networks | None = None,
    device: str = "auto",
    dtypes: Names = "fp32",
    backends: Names = "eager",
    **options: Any,
) -> pd.DataFrame:
    """How long variants take, all of a scale timed in turns, in a process of their own.

    Args:
        variants: names of :func:`variants.list_models`, or ``"all"``.
        scales: some of 2, 4 and 8.
        networks: from outside, beside the variants; see :func:`run`.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        dtypes: some of ``"fp32"``, ``"bf16"`` and ``"fp16"``.
        backends: of :func:`harness.backends.list_backends`.
        **options: the fields of :class:`harness.jobs.latency.models.LatencyConfig`, such as
            ``lr_sizes``, ``batch``, ``threads`` or ``max_s``.

    Returns:
        One row per scale, variant and way: ``median_ms`` with its 95 % interval
        (``median_low_ms``, ``median_high_ms``), percentiles, ``n``, ``noisy``, ``busy_percent``
        and the conditions; ``status`` and ``reason`` say what could not be measured.

    Raises:
        HarnessError, VariantError: an option is not acceptable.
    """
    given = {"variants": variants, "networks": networks, "scales": scales, "device": device}
    ways = {"dtypes": dtypes, "backends": backends}
    config = _config({**given, **ways, "only": "latency", "latency": options})
    jobs = {job.id: job for job in make_plan(config).of(LATENCY)}
    records: list[Record] = []
    for group in groups(jobs.values()):
        records += measure_group(group)
    return latency_table(records).frame().drop(columns=["weights", "job"])


def _config(values: Mapping[str, Any]) -> RunConfig:
    """As from the command line; several values in any form that can be iterated over."""
    plain = (str, bytes, Mapping, tuple, list)
    several = {
        name: tuple(value)
        if isinstance(value, Iterable) and not isinstance(value, plain)
        else value
        for name, value in values.items()
    }
    return load_config(None, several)
