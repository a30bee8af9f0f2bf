"""``torch.compile``."""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from shutil import which
from typing import TYPE_CHECKING

from harness.backends import Backend, BackendUnavailableError, Forward, cast
from variants.errors import in_words

if TYPE_CHECKING:
    from torch import Tensor

    from variants.backbones.base import SRModel

NETWORKS = 1024
"""Most graphs that one process compiles. torch's default is 8 per code object, which all networks
share; beyond it a network would run uncompiled."""

_COMPILERS = {"darwin": "clang++", "win32": "cl"}
"""What torch calls where CXX names none; g++ elsewhere."""


def prepare(
    model: "SRModel", dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`.

    Compiles at the first call: seconds to a minute. With ``shape`` None it compiles once for all
    sizes rather than for each. On a GPU and with a shape it records a CUDA graph, which starts all
    kernels at once. ``freezing`` of the weights is not asked for: in torch 2.13 it
    changes nothing here.

    Raises:
        BackendUnavailableError: on a CPU, there is no C++ compiler; at the first call, the network
            cannot be compiled in one graph, as some from outside cannot.
    """
    compiler = os.environ.get("CXX") or _COMPILERS.get(sys.platform, "g++")
    if device == "cpu" and which(compiler) is None:
        raise BackendUnavailableError(
            f"backend compile needs a C++ compiler, and {compiler} was not found: install it, name "
            "another in the environment variable CXX, or use --backend eager"
        )
    import torch
    from torch._dynamo.exc import TorchDynamoException

    from variants import processor
    from variants.kernels import fast_kernels

    torch._dynamo.config.recompile_limit = NETWORKS
    torch._dynamo.config.accumulated_recompile_limit = NETWORKS
    # In one graph: what cannot be compiled is an error, not a piece that runs uncompiled.
    graphs = device == "cuda" and shape is not None
    compiled: Callable[[Tensor], Tensor] = torch.compile(
        model, dynamic=shape is None, fullgraph=True, options={"triton.cudagraphs": graphs}
    )

    # oneDNN's transposed convolution is fast in bfloat16 with AMX, and only there.
    kernels = nullcontext if dtype == "bfloat16" and processor.has_amx() else fast_kernels

    def forward(y: "Tensor") -> "Tensor":
        with torch.inference_mode(), cast(dtype, device), kernels():
            try:
                result = compiled(y)
                # A graph's next run would overwrite it.
                return result.clone() if graphs else result
            except TorchDynamoException as error:
                cause = getattr(error, "inner_exception", error)  # What failed behind the tracing.
                raise BackendUnavailableError(
                    f"torch.compile cannot compile this network as one graph ({in_words(cause)}); "
                    "use --backend eager"
                ) from error

    return forward


BACKEND = Backend(prepare, package="torch", slow_start=True, keeps_buffers=True)
