"""Ways to execute a network: plain torch, a compiler, another runtime.

A backend is one module with ``prepare(model, dtype, device, shape)``; the table below names it.
The image branch is computed in float32 whatever the dtype: in bfloat16 it costs 0.05 dB at 2x.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.system.malloc import keep_freed_memory
from variants.errors import UnknownNameError

if TYPE_CHECKING:
    from torch import Tensor

    from variants.backbones.base import SRModel

Forward = Callable[["Tensor"], "Tensor"]
"""N x 1 x H x W float32 luma in [0, 1] on the device, to N x 1 x sH x sW float32."""

BACKENDS = {"eager": "torch", "compile": "torch", "openvino": "openvino"}
"""Backend to the distribution that it needs (and whose version is part of a job's identity)."""

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
"""What users type, and what is recorded."""


class BackendUnavailableError(HarnessError):
    """What a backend needs is missing here, or beyond it."""


def check_backend(name: str) -> str:
    """The name, if there is such a backend; UnknownNameError if not."""
    if name not in BACKENDS:
        raise UnknownNameError("backend", name, BACKENDS)
    return name


def prepare(
    model: "SRModel",
    backend: str,
    dtype: str,
    device: str,
    shape: tuple[int, int, int, int] | None = None,
) -> Forward:
    """Make a network ready to run.

    Args:
        model: in evaluation mode on the device, float32, channels last.
        backend: of ``BACKENDS``.
        dtype: ``"float32"``, ``"bfloat16"`` or ``"float16"``: of the feature branch.
        device: ``"cpu"`` or ``"cuda"``.
        shape: of all inputs, if they are alike; None if heights and widths vary.

    Raises:
        BackendUnavailableError: its package is not installed, or it cannot serve the device.
    """
    package = BACKENDS[check_backend(backend)]
    if find_spec(package) is None:
        raise BackendUnavailableError(
            f"backend {backend} needs the package {package}: pip install "
            f"'cms-lapsrn-harness[{backend}]'"
        )
    if device == "cpu":
        keep_freed_memory()
    module = import_module(f"harness.backends.{backend}_")
    forward: Forward = module.prepare(model, dtype, device, shape)
    return forward
