"""One record to one cell of the report: with its row, and in the words of tables."""

import math
import re
from collections.abc import Iterable

import numpy as np

from harness.jobs.base import Record
from harness.jobs.cost.models import COST_FIGURES, CostResult, CostSpec
from harness.jobs.latency.models import LatencyResult, LatencySpec
from harness.jobs.quality.models import QualityResult, QualitySpec
from harness.jobs.specs import Spec
from harness.metrics.registry import METRICS
from harness.report.recipe import recipe_and_seed
from harness.report.rows import EXTERNAL, Cost, Latency, Quality, ReportRow
from harness.system.stored import Part

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


def figures(part: Part | None, names: Iterable[str]) -> dict[str, float]:
    """Those named numbers that are there."""
    found = {name: figure(getattr(part, name, None)) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def reason_of(record: Record) -> str:
    """Why a record holds no figures; empty where it does."""
    if record.status == "done":
        return ""
    words = {"no_weights": "no weights yet", "failed": "the job failed"}
    return record.reason or words.get(record.status, record.status)


def read_row(spec: Spec) -> ReportRow:
    """The row that a record belongs to."""
    variant = spec.variant
    architecture = variant.architecture
    options = (None if architecture is None else architecture.upsampler_options) or {}
    weights = spec.weights.label
    recipe, seed = recipe_and_seed(weights) or ("", None)
    return ReportRow(
        variant=variant.name,
        label=variant.label or variant.name,
        weights=weights,
        dtype=spec.dtype,
        backend=spec.backend,
        paper_row=variant.paper_row,
        upsampler=None if architecture is None else architecture.upsampler,
        upsampler_options=tuple(sorted((str(k), str(v)) for k, v in options.items())),
        has_network=variant.has_network or weights == EXTERNAL,
        recipe=recipe,
        seed=seed,
        from_authors=bool(_MATCONVNET.search(spec.weights.origin or "")),
    )


def read_quality(record: Record[QualitySpec, QualityResult]) -> Quality:
    """A quality record; means and values of every metric that it holds."""
    spec, result = record.spec, record.result
    means = {key: float(value) for key, value in result.scores.items()} if result else {}
    images = (result and result.images) or []
    scores = [image.scores for image in images]
    return Quality(
        row=read_row(spec),
        scale=spec.scale,
        dataset=spec.dataset.name,
        protocol=spec.protocol.name,
        status=record.status,
        reason=reason_of(record),
        n_images=(result.n_images if result else 0) or len(images),
        means=means,
        images=tuple(image.image for image in images),
        values={
            # NaN where an image lacks it.
            key: np.array([float(image.get(key, math.nan)) for image in scores])
            for key in METRICS
            if key in means or any(key in image for image in scores)
        },
        dataset_sha256=spec.dataset.sha256 or "",
        network_seconds=None if result is None else result.network_seconds,
        total_seconds=None if result is None else result.total_seconds,
    )


def read_cost(record: Record[CostSpec, CostResult]) -> Cost:
    """A cost record."""
    spec, result = record.spec, record.result
    return Cost(
        row=read_row(spec),
        scale=spec.scale,
        hr_height=spec.hr_height,
        hr_width=spec.hr_width,
        status=record.status,
        reason=reason_of(record),
        figures=figures(result, COST_FIGURES),
        peak_memory_method=(result and result.peak_memory_method) or "",
        uncounted=(result and result.uncounted) or {},
        uncounted_operators=(result and result.uncounted_operators) or {},
        counters=tuple((result and result.counters) or ()),
        modules=tuple((result and result.modules) or ()),
    )


def read_latency(record: Record[LatencySpec, LatencyResult]) -> Latency:
    """A latency record."""
    spec, result = record.spec, record.result
    reference = None if result is None else result.reference
    return Latency(
        row=read_row(spec),
        scale=spec.scale,
        device=spec.device,
        device_name=spec.device_name,
        threads=str(spec.threads or ""),
        batch=str(spec.batch or ""),
        lr_height=spec.lr_height,
        lr_width=spec.lr_width,
        status=record.status,
        reason=reason_of(record),
        figures=figures(result, _LATENCY_FIGURES),
        noisy=bool(result and result.noisy),
        samples=tuple((result and result.samples_ms) or ()),
        rounds=tuple((result and result.rounds) or ()),
        group=(result and result.group) or "",
        memory_format=spec.memory_format,
        warmup_stable=result is None or result.warmup_stable is not False,
        reference=figures(reference, _REFERENCE),
        conditions={
            key: value
            for key in _GPU_CONDITIONS
            if spec.device != "cpu" and (value := getattr(result, key, None)) not in (None, {})
        },
    )
