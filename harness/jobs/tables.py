"""Tables collated from records: one row per cell, numbers unrounded."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from harness.jobs.base import DEFAULT_MEMORY_FORMAT, Record
from harness.jobs.cost import COST_FIGURES
from harness.metrics.registry import METRICS

Rows = list[dict[str, Any]]

_WHAT = ("variant", "label", "scale", "weights")


def _what(record: Record) -> dict[str, Any]:
    spec = record.spec
    values = (spec["variant"]["name"], spec["variant"]["label"], spec["scale"])
    return dict(zip(_WHAT, (*values, spec["weights"]["label"]), strict=True))


def _outcome(record: Record) -> dict[str, Any]:
    return {"status": record.status, "reason": record.reason or "", "job": record.id}


def _frame(rows: Rows, columns: Sequence[str]) -> pd.DataFrame:
    # Cells as they came: a float column would turn whole numbers beside a missing one into 5.0.
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


def _pick(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: values.get(name) for name in names}


_SETTING = ("dataset", "protocol", "dtype", "backend")


def _setting(record: Record) -> dict[str, Any]:
    spec = record.spec
    return {
        "dataset": spec["dataset"]["name"],
        "protocol": spec["protocol"]["name"],
        "dtype": spec["dtype"],
        "backend": spec.get("backend", "eager"),
    }


def quality_table(records: Iterable[Record]) -> pd.DataFrame:
    """Means of every metric per variant, scale, dataset, protocol and weights."""
    figures = ("n_images", *METRICS, "network_seconds", "total_seconds")
    rows = [
        {**_what(r), **_setting(r), **_pick(r.result, figures), **_outcome(r)}
        for r in records
        if r.kind == "quality"
    ]
    return _frame(rows, [*_WHAT, *_SETTING, *figures, "status", "reason", "job"])


def image_table(records: Iterable[Record]) -> pd.DataFrame:
    """Every metric per image."""
    figures = ("image", "hr_height", "hr_width", *METRICS, "network_seconds")
    rows = [
        {**_what(r), **_setting(r), **_pick(image, figures), "job": r.id}
        for r in records
        if r.kind == "quality" and r.status == "done"
        for image in r.result.get("images", ())
    ]
    return _frame(rows, [*_WHAT, *_SETTING, *figures, "job"])


def cost_table(records: Iterable[Record]) -> pd.DataFrame:
    """Parameters, MACs and memory per variant and scale."""
    size = ("hr_height", "hr_width")
    figures = ("lr_height", "lr_width", *COST_FIGURES)
    counters = ("macs_fvcore", "macs_ptflops_aten", "macs_flop_counter")
    rows = []
    for r in records:
        if r.kind != "cost":
            continue
        counted = {f"macs_{c['name']}": c["macs"] for c in r.result.get("counters", ())}
        row = {**_what(r), **_pick(r.spec, size), **_pick(r.result, figures)}
        rows.append({**row, **_pick(counted, counters), **_outcome(r)})
    return _frame(rows, [*_WHAT, *size, *figures, *counters, "status", "reason", "job"])


def latency_table(records: Iterable[Record]) -> pd.DataFrame:
    """Latency per variant, scale and device; the raw samples stay in the records."""
    where = ("device", "device_name", "dtype", "backend", "memory_format", "threads", "batch")
    size = ("lr_height", "lr_width")
    figures = (
        "median_ms",
        "iqr_ms",
        "median_low_ms",
        "median_high_ms",
        "p5_ms",
        "p90_ms",
        "p95_ms",
        "p99_ms",
        "min_ms",
        "first_call_ms",
        "warmup_stable",
        "n",
        "noisy",
        "busy_percent",
        "gflops",
        "share_of_reference",
        "peak_memory_bytes",
    )
    rows = [
        {
            **_what(r),
            "backend": "eager",
            "memory_format": DEFAULT_MEMORY_FORMAT,
            **_pick(r.spec, (w for w in where if w in r.spec)),
            **_pick(r.spec, size),
            **_pick(r.result, figures),
            **_outcome(r),
        }
        for r in records
        if r.kind == "latency"
    ]
    return _frame(rows, [*_WHAT, *where, *size, *figures, "status", "reason", "job"])


TABLES: dict[str, Callable[[Iterable[Record]], pd.DataFrame]] = {
    "quality.csv": quality_table,
    "images.csv": image_table,
    "cost.csv": cost_table,
    "latency.csv": latency_table,
}
