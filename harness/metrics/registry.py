"""All metrics: every module of this folder that declares a ``METRIC`` is one. No torch."""

import pkgutil
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from harness import metrics
from harness.metrics.metric import Metric
from harness.metrics.protocol import Protocol
from harness.metrics.psnr import METRIC as PSNR
from harness.metrics.ssim import METRIC as SSIM
from variants.errors import UnknownNameError, VariantError
from variants.origin import content_of

__all__ = [
    "METRICS",
    "PSNR",
    "SSIM",
    "Metric",
    "beyond_first",
    "chosen",
    "mean_scores",
    "phrases",
    "register_metric",
    "require",
    "told",
]

_NO_METRICS = ("metric", "perceptual", "protocol", "registry", "sample")
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


def register_metric(metric: Metric) -> Metric:
    """Add a metric, in this process: what a plug-in does.

    Raises:
        VariantError: its key is taken, or is another column of the tables.
    """
    if metric.key in METRICS or metric.key in _COLUMNS:
        raise VariantError(f"a metric with the key {metric.key!r} is there already")
    METRICS[metric.key] = metric
    return metric


_COLUMNS = (
    *("image", "images", "hr_height", "hr_width", "n_images", "network_seconds", "total_seconds"),
    *("training", "variant", "label", "scale", "dataset", "protocol", "weights"),
)
"""What else a record of quality holds, or its tables."""


def told(means: Iterable[Mapping[str, float]]) -> dict[str, Metric]:
    """Metrics to show, by key: the usual ones of luma, and others where they were measured.

    Args:
        means: of what is shown, by metric.
    """
    measured = {key for each in means for key in each}
    return {k: m for k, m in METRICS.items() if (m.colour == "y" and not m.extra) or k in measured}


def chosen(protocol: Protocol, asked: Iterable[str] = ()) -> dict[str, Metric]:
    """Metrics to compute, by key.

    Args:
        protocol: which compares luma alone, or RGB as well.
        asked: keys of those that are computed on request.
    """
    wanted = set(asked)
    return {
        key: metric
        for key, metric in METRICS.items()
        if (metric.colour == "y" or protocol.colour == "rgb")
        and (not metric.extra or key in wanted)
    }


def require(key: str, protocols: Iterable[Protocol]) -> Metric:
    """A metric that can be computed here.

    Args:
        key: the metric's.
        protocols: of which one at least has to compare what the metric looks at.

    Raises:
        UnknownNameError: there is none.
        VariantError: a package that it needs is not installed, or no protocol compares RGB.
    """
    if key not in METRICS:
        raise UnknownNameError("metric", key, METRICS)
    metric = METRICS[key]
    if metric.colour == "rgb" and all(protocol.colour == "y" for protocol in protocols):
        raise VariantError(f"{key} needs a protocol that compares RGB, such as python_rgb")
    for package in EXTRAS[metric.extra] if metric.extra else ():
        if find_spec(package) is None:
            raise VariantError(
                f"metric {key} needs the package {package}: pip install "
                f"'cms-lapsrn-harness[{metric.extra}]'"
            )
    return metric


EXTRAS = {"metrics": ("torchmetrics",), "perceptual": ("torchmetrics", "torchvision")}
"""What extras of this package bring."""


def beyond_first(protocol: Protocol, asked: Iterable[str] = ()) -> dict[str, Any]:
    """What a spec says of the metrics to compute: versions by key of all but the first PSNR and
    SSIM.

    Of a plug-in's metric also the SHA-256 of the file that declares it. Empty where there are no
    others, so that the ids of jobs are what they were before there were.
    """
    versions = {key: metric.version for key, metric in chosen(protocol, asked).items()}
    further = {key: v for key, v in versions.items() if FIRST.get(key) != v}
    contents = {key: content_of(METRICS[key].compute.__module__) for key in further}
    plugins = {key: sha256 for key, sha256 in contents.items() if sha256 is not None}
    return {
        **({"metrics": further} if further else {}),
        **({"metric_plugins": plugins} if plugins else {}),
    }


def mean_scores(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The mean over images of every metric that they have."""
    import numpy as np

    rows = list(rows)
    measured = [key for key in METRICS if all(key in row for row in rows)]
    return {key: float(np.mean([row[key] for row in rows])) for key in measured}


def phrases(scores: Mapping[str, float]) -> str:
    """Scores by metric in a few words."""
    known = [metric for metric in METRICS.values() if metric.key in scores]
    return ", ".join(metric.phrase(scores[metric.key]) for metric in known)
