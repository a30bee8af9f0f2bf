"""Export a network to other runtimes' files, checked against torch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.backends import BackendUnavailableError, Forward
from harness.backends._ncnn import run, to_ncnn
from harness.backends._onnx import to_onnx
from harness.errors import ConfigError, HarnessError

if TYPE_CHECKING:
    from variants.backbones.base import SRModel

TOLERANCE = 1e-4
"""Largest difference to torch's output, luma in [0, 1], that an exported network may show."""

CHECKED_SIZES = ((16, 16), (7, 21), (1, 1))
"""LR heights and widths that the exported network is tried on."""

Exported = tuple[Mapping[str, bytes], Forward]
"""Contents of files by the endings of their names, the first of which a user names; and what they
compute in the runtime that they are for."""


def export(model: "SRModel", path: Path, kind: str = "onnx") -> float:
    """Write a network with free height and width, of ONNX also the batch, and check it.

    Args:
        model: in evaluation mode, float32, on the CPU; not changed.
        path: the file; written only if the check passes, as are those that lie beside it.
        kind: of ``FORMATS``.

    Returns:
        The largest difference to torch, luma in [0, 1].

    Raises:
        ConfigError: the file has not the ending of the format, where others lie beside it.
        HarnessError: a package is missing, an upsampler cannot be exported, or the exported
            network computes something else or no finite numbers.
        OSError: a file cannot be written.
    """
    from harness.system.files import write_atomically

    if model.not_exportable:
        raise HarnessError(f"this network cannot be written to {kind}: {model.not_exportable}")
    try:
        contents, forward = FORMATS[kind](model)
    except ImportError as error:
        raise HarnessError(
            f"export needs the package {error.name}: pip install 'cms-lapsrn-harness[{kind}]'"
        ) from error
    except BackendUnavailableError as error:
        raise HarnessError(f"nothing was written: {error}") from error
    first, *others = contents
    if others and path.suffix != first:
        raise ConfigError(
            f"{path.name}: the name of a file for {kind} ends in {first}; beside it comes the one "
            f"in {' and '.join(others)}"
        )
    difference = _largest_difference(model, forward)
    for ending in (*others, first):
        write_atomically(path if ending == first else path.with_suffix(ending), contents[ending])
    return difference


def _largest_difference(model: "SRModel", forward: Forward) -> float:
    """To torch, over sizes; HarnessError where it is too large or not finite."""
    import torch

    difference = 0.0
    generator = torch.Generator().manual_seed(0)
    for size in CHECKED_SIZES:
        y = torch.rand(1, 1, *size, generator=generator)
        with torch.inference_mode():
            expected = model(y)
        found = forward(y)
        if not (expected.isfinite().all() and found.isfinite().all()):
            raise HarnessError(
                f"the network's output for an image of {size[1]}x{size[0]} pixels is not finite "
                "(weights that overflow?); nothing was written"
            )
        difference = max(difference, float((found - expected).abs().max()))
    if not difference <= TOLERANCE:
        raise HarnessError(
            f"the exported network differs from torch by {difference:.2g}, more than "
            f"{TOLERANCE:g}; nothing was written"
        )
    return difference


def _onnx(model: "SRModel") -> Exported:
    import onnxruntime as ort
    import torch

    from variants.bake import baked

    # What is derived from weights is derived once, here.
    content = to_onnx(baked(model, derived_only=True), torch.rand(2, 1, 12, 10), "y", found=["sr"])
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])

    def forward(y: torch.Tensor) -> torch.Tensor:
        (found,) = session.run(None, {"y": y.numpy()})
        return torch.from_numpy(found)

    return {".onnx": content}, forward


def _ncnn(model: "SRModel") -> Exported:
    import torch

    from variants.bake import baked

    files = to_ncnn(baked(model))
    forward = run(files, torch.get_num_threads())
    return {".param": files.param.encode(), ".bin": files.weights}, forward


FORMATS: Mapping[str, Callable[["SRModel"], Exported]] = {"onnx": _onnx, "ncnn": _ncnn}
"""By name, which is also that of the extra."""
