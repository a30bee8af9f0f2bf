"""What does an upsampler cost, and what does it give? A benchmark for LapSRN-family networks.

    >>> import harness
    >>> table = harness.evaluate("bicubic", datasets=["embedded"], scales=[4])

Names resolve lazily, so that ``python -m harness --help`` imports nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import evaluate
    from harness.data.datasets import DatasetInfo, register_dataset
    from harness.frames import compare, cost, latency, run
    from harness.metrics.metric import Metric
    from harness.metrics.protocol import Protocol, register_protocol
    from harness.metrics.registry import register_metric
    from harness.system.plugins import use_plugins
    from variants.catalog import Variant, register_variant
    from variants.outside import register_network
    from variants.registry import register_upsampler
    from variants.upsamplers.base import Upsampler

_HOMES = {
    "DatasetInfo": "harness.data.datasets",
    "Metric": "harness.metrics.metric",
    "Protocol": "harness.metrics.protocol",
    "Upsampler": "variants.upsamplers.base",
    "Variant": "variants.catalog",
    "compare": "harness.frames",
    "cost": "harness.frames",
    "evaluate": "harness.api",
    "latency": "harness.frames",
    "register_dataset": "harness.data.datasets",
    "register_metric": "harness.metrics.registry",
    "register_network": "variants.outside",
    "register_protocol": "harness.metrics.protocol",
    "register_upsampler": "variants.registry",
    "register_variant": "variants.catalog",
    "run": "harness.frames",
    "use_plugins": "harness.system.plugins",
}

__version__ = "0.2.0"
__all__ = [
    "DatasetInfo",
    "Metric",
    "Protocol",
    "Upsampler",
    "Variant",
    "__version__",
    "compare",
    "cost",
    "evaluate",
    "latency",
    "register_dataset",
    "register_metric",
    "register_network",
    "register_protocol",
    "register_upsampler",
    "register_variant",
    "run",
    "use_plugins",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
