"""All metrics: every module of this folder that declares a ``METRIC`` is one. No torch."""

import pkgutil
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from harness import metrics
from harness.metrics.metric import Metric
from harness.metrics.psnr import METRIC as PSNR
from harness.metrics.ssim import METRIC as SSIM

__all__ = ["METRICS", "PSNR", "SSIM", "Metric", "beyond_first", "mean_scores", "phrases"]

_NO_METRICS = ("metric", "protocol", "registry", "sample")
FIRST = {"psnr_y": 1, "ssim_y": 1}
"""Versions of what a record's spec means that names no metrics."""


def _find_metrics() -> dict[str, Metric]:
    """By key: PSNR and SSIM first, the others by their files' names."""
    found = {metric.key: metric for metric in (PSNR, SSIM)}
    for name in sorted(module.name for module in pkgutil.iter_modules(metrics.__path__)):
        if name in _NO_METRICS:
            continue
        metric: Metric = import_module(f"{metrics.__name__}.{name}").METRIC
        if found.setdefault(metric.key, metric) is not metric:
            raise ValueError(f"two metrics have the key {metric.key}; one is in {name}.py")
    return found


METRICS = _find_metrics()


def beyond_first() -> dict[str, Any]:
    """What a spec says of metrics: versions by key of all but the first PSNR and SSIM.

    Empty where there are no others, so that the ids of jobs are what they were before there were.
    """
    versions = {metric.key: metric.version for metric in METRICS.values()}
    further = {key: v for key, v in versions.items() if FIRST.get(key) != v}
    return {"metrics": further} if further else {}


def mean_scores(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The mean over images of every metric."""
    import numpy as np

    rows = list(rows)
    return {key: float(np.mean([row[key] for row in rows])) for key in METRICS}


def phrases(scores: Mapping[str, float]) -> str:
    """Scores by metric in a few words."""
    known = [metric for metric in METRICS.values() if metric.key in scores]
    return ", ".join(metric.phrase(scores[metric.key]) for metric in known)
