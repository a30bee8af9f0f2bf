"""Building the network that a job names."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.parameter import is_lazy

from harness.backends import Forward, get_backend, prepare
from harness.errors import DataError, HarnessError
from harness.networks.identity import NetworkIdentity
from harness.system.files import sha256_of
from harness.system.malloc import return_freed_memory
from variants.adapter import OutsideModel, digest_of
from variants.backbones.base import SRModel
from variants.build import build
from variants.catalog import get_variant

KEPT_BYTES = 2**30
"""Freed memory kept for the next image, whose features take up to a gigabyte, too."""
KEPT_BYTES_OF_BICUBIC = 2**26
"""The same without a network, which has no features."""


def load_network(spec: NetworkIdentity, weights: str | None, device: str) -> SRModel:
    """The job's network in evaluation mode, with weights if a file is given.

    In the spec's ``memory_format``; channels last where it names none.

    Raises:
        HarnessError: the catalog no longer holds the architecture that the job was planned for,
            or the weights file changed since.
        BackendUnavailableError: the spec's backend cannot rewrite the network.
        WeightsError: the file cannot be read or does not fit.
    """
    variant, scale = get_variant(spec.variant.name), spec.scale
    planned = spec.variant.architecture
    if planned is None or variant.architecture(scale) != planned.stored():
        raise HarnessError(f"{variant.name} is no longer what this job was planned for")
    torch.manual_seed(0)  # Networks without weights are timed, too: from a fixed seed.
    model = build(variant, scale)
    own = spec.weights.sha256 if isinstance(model, OutsideModel) else None
    if isinstance(model, OutsideModel) and own not in (None, digest_of(model.network)[1]):
        raise HarnessError(
            f"network {variant.name} has other weights than when the run was planned: its factory "
            "must give the same ones whenever it is called"
        )
    if weights is not None:
        from variants.weights.foreign import load_any

        path = Path(weights)
        load_any(model, path, variant, scale)
        if sha256_of(path) != spec.weights.sha256:
            raise HarnessError(f"{path} changed while the run was going on; run it again")
    # PyTorch's default layout is the slow one: measured 71 against 132 GFLOP/s on a CPU.
    contiguous = spec.memory_format == "contiguous"
    layout = torch.contiguous_format if contiguous else torch.channels_last
    model.eval().to(device).to(memory_format=layout)  # type: ignore[call-overload]
    rewrite = get_backend(spec.backend).rewrite if spec.variant.has_network else None
    return model if rewrite is None else rewrite(model)


@dataclass(frozen=True)
class Network:
    """A model prepared for a device, a dtype and a backend.

    Attributes:
        forward: N x C x H x W of ``dtype`` on ``device``, to N x C x sH x sW.
        dtype: of input and output.
        device: ``"cpu"`` or ``"cuda"``.
        kept_bytes: freed memory that is kept for the next image.
        channels: C: 1 for luma, 3 for RGB.
    """

    forward: Forward
    dtype: torch.dtype
    device: str
    kept_bytes: int = KEPT_BYTES
    channels: int = 1

    def luma(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """H x W luma to sH x sW luma (not clipped), both float64 arrays.

        Raises:
            DataError: the output is no luma image.
        """
        luma: NDArray[np.float64] = self._run(y[None])[0]
        return luma

    def rgb(self, rgb: NDArray[np.float64]) -> NDArray[np.float64]:
        """H x W x 3 RGB to sH x sW x 3 (not clipped), both float64 arrays.

        Raises:
            DataError: the output is no RGB image.
        """
        array: NDArray[np.float64] = np.moveaxis(self._run(np.moveaxis(rgb, 2, 0)), 0, 2)
        return array

    def _run(self, planes: NDArray[np.float64]) -> NDArray[np.float64]:
        """C x H x W to C x sH x sW."""
        source = torch.from_numpy(np.ascontiguousarray(planes))[None].to(self.device, self.dtype)
        return_freed_memory(self.kept_bytes)
        output = image_of(self.forward(source), self.channels)
        array: NDArray[np.float64] = output.to("cpu", torch.float64).numpy()
        return array


def image_of(output: object, channels: int) -> torch.Tensor:
    """A model's output for one image as C x H x W.

    Args:
        output: 1 x C x H x W of a floating-point dtype; or a list or tuple of levels, coarse to
            fine, of which the last one counts.
        channels: C, 1 for luma and 3 for RGB.

    Raises:
        DataError: it is anything else.
    """
    what = "luma (Y)" if channels == 1 else "RGB"
    if isinstance(output, list | tuple) and output:
        output = output[-1]
    if not isinstance(output, torch.Tensor):
        raise DataError(
            f"the model gave a value of type {type(output).__name__}; a tensor 1 x {channels} x H "
            f"x W of {what} is expected, or a list or tuple of such levels, the finest one last"
        )
    if output.dim() != 4 or output.shape[:2] != (1, channels):
        shape = " x ".join(map(str, output.shape)) or "a single number"
        expected = "one channel is" if channels == 1 else f"{channels} channels are"
        raise DataError(
            f"the model gave {shape} where {expected} expected, 1 x {channels} x H x W: it is "
            f"given {what} and has to return {what.removesuffix(' (Y)')}"
        )
    if not output.is_floating_point():
        raise DataError(
            f"the model gave {output.dtype} where floating-point {what} in [0, 1] is expected"
        )
    if output.layout != torch.strided or output.device.type == "meta":
        how = "on the meta device, which has no values" if output.is_meta else "that is sparse"
        raise DataError(f"the model gave a tensor {how}; {what} in a dense one is expected")
    return output.detach()[0]


def as_network(model: torch.nn.Module, device: str) -> Network:
    """A module as it is: in the dtype of its parameters, or in float64 if it has none."""
    parameter = next((p for p in model.parameters() if p.dtype.is_floating_point), None)

    def forward(y: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            output: torch.Tensor = model(y)
            return output

    channels = model.channels if isinstance(model, SRModel) else 1
    if parameter is None:
        return Network(forward, torch.float64, device, KEPT_BYTES_OF_BICUBIC, channels)
    return Network(forward, parameter.dtype, device, channels=channels)


@contextmanager
def evaluation_mode(model: torch.nn.Module, device: str) -> Iterator[Network]:
    """A user's module as a network, in evaluation mode and, on a CPU, channels last.

    Mode and layout are restored afterwards; the module stays on ``device``.
    """
    training = {module: module.training for module in model.modules()}
    restore_layout = ExitStack()

    def forward(y: torch.Tensor) -> torch.Tensor:
        try:
            return network.forward(y)
        except RuntimeError:
            # Such as a `view` that needs contiguous features; any other error comes again.
            restore_layout.close()
            return network.forward(y)

    try:
        network = as_network(model.eval().to(device), device)
        if device == "cpu":
            restore_layout.enter_context(_channels_last(model))
        with restore_layout:
            yield replace(network, forward=forward)
    finally:
        for module, mode in training.items():
            module.training = mode


@contextmanager
def _channels_last(model: torch.nn.Module) -> Iterator[None]:
    """Convolution weights channels last within the context, and with them the features."""
    weights = [p for p in model.parameters() if not is_lazy(p) and p.dim() == 4]
    kept = [weight.data for weight in weights]
    for weight in weights:
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    try:
        yield
    finally:
        for weight, data in zip(weights, kept, strict=True):
            weight.data = data


def load_ready_network(spec: NetworkIdentity, weights: str | None, device: str) -> Network:
    """The job's network in the job's dtype and backend; sizes may vary from call to call.

    Raises:
        As :func:`load_network`, and BackendUnavailableError.
    """
    model = load_network(spec, weights, device)
    if next(model.parameters(), None) is None:
        return as_network(model, device)
    forward = prepare(model, spec.backend, spec.dtype, device)
    return Network(forward, torch.float32, device, channels=model.channels)
