"""One record to one typed cell. Raises KeyError, TypeError or ValueError on another layout."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from harness.jobs.base import DEFAULT_MEMORY_FORMAT, Record
from harness.jobs.cost import COST_FIGURES
from harness.metrics.registry import METRICS
from harness.report.recipe import recipe_and_seed
from harness.report.rows import (
    DEFAULT_BACKEND,
    DEFAULT_DTYPE,
    EXTERNAL,
    Cost,
    CountedMacs,
    Float64Array,
    Latency,
    Module,
    Quality,
    ReportRow,
)

_LATENCY_FIGURES = (
    "n",
    "median_ms",
    "median_low_ms",
    "median_high_ms",
    "iqr_ms",
    "p5_ms",
    "p95_ms",
    "min_ms",
    "first_call_ms",
    "busy_percent",
    "gflops",
    "share_of_reference",
    "peak_memory_bytes",
)
_REFERENCE = ("gflops", "conv_gflops", "gemm_gflops")
_GPU_CONDITIONS = ("tf32", "cudnn_benchmark", "clocks")
_MATCONVNET = re.compile(r"(?i)\.mat\b")
"""LapSRN's authors released MatConvNet files; nothing else that a run can load ends so."""


def figure(value: object) -> float | None:
    """A JSON number; None for anything else (a boolean is none)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


def figures(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, float]:
    """Those named numbers that are there."""
    found = {name: figure(values.get(name)) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def reason_of(record: Record) -> str:
    """Why a record holds no figures; empty where it does."""
    if record.status == "done":
        return ""
    words = {"no_weights": "no weights yet", "failed": "the job failed"}
    return str(record.reason or words.get(record.status, record.status))


def read_row(spec: Mapping[str, Any]) -> ReportRow:
    """The row that a record belongs to."""
    variant = spec["variant"]
    architecture = variant.get("architecture") or {}
    options = architecture.get("upsampler_options") or {}
    row = variant.get("paper_row")
    weights = str(spec["weights"]["label"])
    recipe, seed = recipe_and_seed(weights) or ("", None)
    return ReportRow(
        variant=str(variant["name"]),
        label=str(variant.get("label") or variant["name"]),
        weights=weights,
        dtype=str(spec.get("dtype", DEFAULT_DTYPE)),
        backend=str(spec.get("backend") or DEFAULT_BACKEND),
        paper_row=None if row is None else str(row),
        upsampler=architecture.get("upsampler"),
        upsampler_options=tuple(sorted((str(k), str(v)) for k, v in options.items())),
        has_network=architecture.get("upsampler") is not None or weights == EXTERNAL,
        recipe=recipe,
        seed=seed,
        from_authors=bool(_MATCONVNET.search(str(spec["weights"].get("origin") or ""))),
    )


def read_quality(record: Record) -> Quality:
    """A quality record; means and values of every metric that it holds."""
    spec, result = record.spec, record.result
    images = result.get("images") or ()
    means = figures(result, METRICS)
    if record.status == "done" and not means:
        raise ValueError("it is done but holds no mean of a metric")
    return Quality(
        row=read_row(spec),
        scale=int(spec["scale"]),
        dataset=str(spec["dataset"]["name"]),
        protocol=str(spec["protocol"]["name"]),
        status=record.status,
        reason=reason_of(record),
        n_images=int(result.get("n_images") or len(images)),
        means=means,
        images=tuple(str(image["image"]) for image in images),
        values={
            key: _column(images, key)
            for key in METRICS
            if key in means or any(key in image for image in images)
        },
        dataset_sha256=str(spec["dataset"].get("sha256") or ""),
        network_seconds=figure(result.get("network_seconds")),
        total_seconds=figure(result.get("total_seconds")),
    )


def _column(images: Iterable[Mapping[str, Any]], key: str) -> Float64Array:
    """A metric over images; NaN where an image lacks it."""
    values = (figure(image.get(key)) for image in images)
    return np.array([math.nan if value is None else value for value in values])


def read_cost(record: Record) -> Cost:
    """A cost record."""
    spec, result = record.spec, record.result
    return Cost(
        row=read_row(spec),
        scale=int(spec["scale"]),
        hr_height=int(spec["hr_height"]),
        hr_width=int(spec["hr_width"]),
        status=record.status,
        reason=reason_of(record),
        figures=figures(result, COST_FIGURES),
        peak_memory_method=str(result.get("peak_memory_method") or ""),
        counters=tuple(
            CountedMacs(
                name=str(row["name"]),
                version=str(row.get("version") or ""),
                macs=figure(row.get("macs")),
                difference=figure(row.get("difference")),
                note=str(row.get("note") or ""),
            )
            for row in result.get("counters") or ()
        ),
        modules=tuple(
            Module(
                name=str(row["name"]),
                type=str(row.get("type") or ""),
                params=figure(row.get("params")),
                macs=figure(row.get("macs")),
                activations=figure(row.get("activations")),
            )
            for row in result.get("modules") or ()
        ),
    )


def read_latency(record: Record) -> Latency:
    """A latency record."""
    spec, result = record.spec, record.result
    found = figures(result, _LATENCY_FIGURES)
    if record.status == "done" and "median_ms" not in found:
        raise ValueError("it is done but holds no median")
    samples = [figure(value) for value in result.get("samples_ms") or ()]
    rounds = result.get("rounds") or []
    if None in samples or not all(isinstance(number, int) for number in rounds):
        raise ValueError("its samples are no numbers, or their rounds no whole ones")
    if len(rounds) not in (0, len(samples)):
        raise ValueError(f"{len(samples)} samples were taken in {len(rounds)} rounds")
    on_gpu = str(spec["device"]) != "cpu"
    return Latency(
        row=read_row(spec),
        scale=int(spec["scale"]),
        device=str(spec["device"]),
        device_name=str(spec.get("device_name") or ""),
        threads=str(spec.get("threads") or ""),
        batch=str(spec.get("batch") or ""),
        lr_height=int(spec["lr_height"]),
        lr_width=int(spec["lr_width"]),
        status=record.status,
        reason=reason_of(record),
        figures=found,
        noisy=result.get("noisy") is True,
        samples=tuple(value for value in samples if value is not None),
        rounds=tuple(rounds),
        group=str(result.get("group") or ""),
        memory_format=str(spec.get("memory_format") or DEFAULT_MEMORY_FORMAT),
        warmup_stable=result.get("warmup_stable") is not False,
        reference=figures(result.get("reference") or {}, _REFERENCE),
        conditions={
            key: result[key]
            for key in _GPU_CONDITIONS
            if on_gpu and result.get(key) not in (None, {})
        },
    )
