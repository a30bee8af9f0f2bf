"""What does an upsampler cost, and what does it give? A benchmark for LapSRN-family networks.

    >>> import harness
    >>> table = harness.evaluate("bicubic", datasets=["embedded"], scales=[4])

Names resolve lazily, so that ``python -m harness --help`` imports nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import evaluate
    from harness.frames import compare, cost, latency, run

_HOMES = {
    "compare": "frames",
    "cost": "frames",
    "evaluate": "api",
    "latency": "frames",
    "run": "frames",
}

__version__ = "0.2.0"
__all__ = ["__version__", "compare", "cost", "evaluate", "latency", "run"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"harness.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
