"""What does an upsampler cost, and what does it give? A benchmark for LapSRN-family networks.

    >>> import harness
    >>> table = harness.evaluate("bicubic", datasets=["embedded"], scales=[4])

Names resolve lazily, so that ``python -m harness --help`` imports nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import evaluate

__version__ = "0.2.0"
__all__ = ["__version__", "evaluate"]


def __getattr__(name: str) -> Any:
    if name == "evaluate":
        return import_module("harness.api").evaluate
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
