"""Ways to execute a network: plain torch, a compiler, another runtime.

A backend is one module here that declares itself as ``BACKEND``; modules are discovered
automatically, and import torch only inside functions, so that listing them is quick.
The image branch is computed in float32 whatever the dtype: in bfloat16 it costs 0.05 dB at 2x.
"""

import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from harness.errors import ConfigError, HarnessError, is_for_want_of_memory
from harness.system.malloc import keep_freed_memory
from harness.system.quiet import exporter_quiet
from variants.errors import UnknownNameError, in_words

if TYPE_CHECKING:
    from torch import Tensor

    from variants.backbones.base import Pyramid, SRModel

Forward = Callable[["Tensor"], "Tensor"]
"""N x 1 x H x W float32 luma in [0, 1] on the device, to N x 1 x sH x sW float32."""

DEFAULT_BACKEND: Final = "eager"

AUTO: Final = "auto"
"""What users type for the fastest one here, see :mod:`harness.networks.fastest`; no backend."""

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "int8": "int8"}
"""What users type, and what is recorded."""

USUALLY_FLOAT: Final = ("conv_out", "upsampler")
"""Layers that int8 leaves in float32 unless others are named."""
_INT8 = re.compile(r"int8\[float32=(?P<layers>[A-Za-z_]\w*(?:[.+]\w+)*)\]", re.ASCII)

FLOATING = ("float32", "bfloat16", "float16")
"""What torch computes convolutions in."""


class BackendUnavailableError(HarnessError):
    """A backend cannot run here: its package is missing, or it does not support the request."""


@dataclass(frozen=True)
class Backend:
    """What a way to execute networks declares.

    Attributes:
        prepare: makes a network ready; called as :func:`prepare`, without the backend's name.
        package: the distribution that it needs, whose version is part of a job's identity.
        extra: of this project, that installs it; empty where it is called as the backend is.
        dtypes: what the feature branch can be computed in, of the values of ``DTYPES``.
        devices: of ``"cpu"`` and ``"cuda"``.
        compiles: it traces or compiles the network, so control flow is fixed and values depend on
            the version of ``package``.
        keeps_memory_format: the network's memory format reaches the convolutions, so that several
            are worth measuring.
        slow_start: preparing a network takes longer than measuring it, which ``AUTO`` does not do.
        rewrite: what it makes of a network before that is prepared; costs are then counted for
            the result as well. BackendUnavailableError where it cannot.
        chooses_layers: in int8 it takes a choice of the layers that stay in float32.
        keeps_buffers: on a GPU what a pass needs stays allocated between passes, so that the
            allocator does not tell how much it is.
        memory: how many times as much as eager a pass takes, about.
    """

    prepare: Callable[["SRModel", str, str, tuple[int, int, int, int] | None], Forward]
    package: str
    extra: str = ""
    dtypes: tuple[str, ...] = FLOATING
    devices: tuple[str, ...] = ("cpu", "cuda")
    compiles: bool = True
    keeps_memory_format: bool = True
    slow_start: bool = False
    rewrite: Callable[["SRModel"], "SRModel"] | None = None
    chooses_layers: bool = False
    keeps_buffers: bool = False
    memory: float = 1.0

    def computes_in(self, dtype: str) -> bool:
        """Whether it has a recorded dtype."""
        name, choice, _ = dtype.partition("[")
        return name in self.dtypes and (self.chooses_layers or not choice)


def list_backends() -> list[str]:
    """The names of all backends, whether or not their packages are installed."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in names if not name.startswith("_"))


def get_backend(name: str) -> Backend:
    """A backend by its name; UnknownNameError if there is none."""
    if name not in (known := list_backends()):
        raise UnknownNameError("backend", name, known)
    backend: Backend = import_module(f"{__name__}.{name}").BACKEND
    return backend


def recorded_dtype(text: str) -> str:
    """A dtype as jobs record it, from what users type; of what is recorded, the same.

    ``int8[float32=LAYER+...]`` names the layers that stay in float32, ``none`` for none: sorted,
    and plain ``int8`` where they are the usual ones.

    Raises:
        UnknownNameError: there is no such dtype.
        ConfigError: the layers are written in another way.
    """
    if "[" not in text:
        if text not in DTYPES:
            raise UnknownNameError("dtype", text, DTYPES)
        return DTYPES[text]
    form = _INT8.fullmatch(text)
    if form is None:
        raise ConfigError(
            f"dtype {text!r:.100} is not int8[float32=LAYER+...], such as "
            "int8[float32=conv_out+upsampler+convs.0]"
        )
    layers = sorted(set(form["layers"].split("+")))
    return "int8" if tuple(layers) == USUALLY_FLOAT else f"int8[float32={'+'.join(layers)}]"


def layers_in_float(dtype: str) -> tuple[str, ...] | None:
    """Which layers a recorded int8 leaves in float32; None of another dtype."""
    if dtype == "int8":
        return USUALLY_FLOAT
    form = _INT8.fullmatch(dtype)
    if form is None:
        return None
    return () if form["layers"] == "none" else tuple(form["layers"].split("+"))


def require_installed(backend: str) -> None:
    """BackendUnavailableError if a backend's package is missing."""
    chosen = get_backend(backend)
    if find_spec(chosen.package) is None:
        raise BackendUnavailableError(
            f"backend {backend} needs the package {chosen.package}: pip install "
            f"'cms-lapsrn-harness[{chosen.extra or backend}]'"
        )


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
        backend: of :func:`list_backends`.
        dtype: of the feature branch, as :func:`recorded_dtype` gives it.
        device: ``"cpu"`` or ``"cuda"``.
        shape: of all inputs, if they are alike; None if heights and widths vary.

    Raises:
        BackendUnavailableError: its package is not installed, or it cannot serve the device, the
            dtype or the network.
    """
    chosen = get_backend(backend)
    require_installed(backend)
    if not chosen.computes_in(dtype) or device not in chosen.devices:
        raise BackendUnavailableError(
            f"backend {backend} computes in {' or '.join(chosen.dtypes)} on "
            f"{' or '.join(chosen.devices)}, not in {dtype} on {device}"
        )
    if device == "cpu":
        keep_freed_memory()
    return chosen.prepare(model, dtype, device, shape)


def require_exportable(model: "SRModel", runtime: str) -> "Pyramid":
    """The network, if another runtime can have it; BackendUnavailableError if not."""
    from variants.backbones.base import Pyramid

    if not isinstance(model, Pyramid):
        raise BackendUnavailableError(
            f"{runtime} runs the networks of the catalogs, and this is none of them"
        )
    if model.not_exportable:
        raise BackendUnavailableError(f"{runtime} cannot run this network: {model.not_exportable}")
    return model


@contextmanager
def exporting(runtime: str) -> Iterator[None]:
    """While torch traces a module for another runtime, whose control flow may not allow it.

    Raises:
        BackendUnavailableError: whatever torch raised, for no one type covers it; but what is for
            want of memory stays what it is.
    """
    import torch

    try:
        with exporter_quiet(), torch.no_grad():
            yield
    except Exception as error:
        if is_for_want_of_memory(error):
            raise
        raise BackendUnavailableError(
            f"{runtime} cannot have this network: torch cannot trace it for every image size "
            f"({in_words(error.__cause__ or error)})"
        ) from error


def check_agrees(
    model: "SRModel", forward: Forward, y: "Tensor", tolerance: float, runtime: str
) -> None:
    """HarnessError if another runtime computes something else than torch does.

    Args:
        model: the network in torch.
        forward: the same in the other runtime.
        y: the luma that both are given, N x 1 x H x W.
        tolerance: the largest error over the largest value.
        runtime: its name and version.
    """
    from variants.branch import largest_error

    error = largest_error(model, forward, y)
    if not error <= tolerance:  # A NaN fails the check, too.
        raise HarnessError(
            f"{runtime} computes something else than torch: the largest error is {error:.2g} of "
            "the largest value"
        )


def cast(dtype: str, device: str) -> AbstractContextManager[object]:
    """A context in which torch's convolutions compute in a dtype given by name."""
    import torch

    if dtype == "float32":
        return nullcontext()
    return torch.autocast(device, dtype=getattr(torch, dtype))


def slowness(dtypes: Iterable[str], device: str) -> str | None:
    """A sentence on those dtypes that are slower than float32 on ``"cpu"`` or ``"cuda"``, if any.

    They run on request only: they cost PSNR and gain no speed here.
    """
    import torch

    from variants import processor

    slow = [name for name in dtypes if not processor.is_native(getattr(torch, name), device)]
    if not slow:
        return None
    what = "processor" if device == "cpu" else "GPU"
    return (
        f"this {what} has no arithmetic of its own for {' and '.join(slow)}, which may take ten "
        "times as long as float32 here"
    )
