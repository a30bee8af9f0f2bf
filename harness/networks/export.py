"""Export a network to ONNX, checked against torch."""

from pathlib import Path

import numpy as np
import torch

from harness.backends._onnx import to_onnx
from harness.errors import HarnessError
from variants.backbones.base import SRModel
from variants.bake import baked

TOLERANCE = 1e-4
"""Largest difference to torch's output, luma in [0, 1], that an exported network may show."""

CHECKED_SIZES = ((16, 16), (7, 21), (1, 1))
"""LR heights and widths that the exported network is tried on."""


def export_onnx(model: SRModel, path: Path) -> float:
    """Write a network as ONNX with free batch, height and width, and check it.

    Args:
        model: in evaluation mode, float32, on the CPU; not changed.
        path: the ``.onnx`` file; written only if the check passes.

    Returns:
        The largest difference to torch, luma in [0, 1].

    Raises:
        HarnessError: a package is missing, an upsampler cannot be exported, or the exported
            network computes something else or no finite numbers.
    """
    if model.not_exportable:
        raise HarnessError(f"this network cannot be written to ONNX: {model.not_exportable}")
    try:
        import onnxruntime as ort

        # What is derived from weights is derived once, here.
        content = to_onnx(
            baked(model, derived_only=True), torch.rand(2, 1, 12, 10), "y", found=["sr"]
        )
    except ImportError as error:
        raise HarnessError(
            f"export needs the package {error.name}: pip install 'cms-lapsrn-harness[onnx]'"
        ) from error
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    difference = 0.0
    generator = torch.Generator().manual_seed(0)
    for size in CHECKED_SIZES:
        y = torch.rand(1, 1, *size, generator=generator)
        with torch.inference_mode():
            expected = model(y).numpy()
        (found,) = session.run(None, {"y": y.numpy()})
        if not (np.isfinite(expected).all() and np.isfinite(found).all()):
            raise HarnessError(
                f"the network's output for an image of {size[1]}x{size[0]} pixels is not finite "
                "(weights that overflow?); nothing was written"
            )
        difference = max(difference, float(np.abs(found - expected).max()))
    if not difference <= TOLERANCE:
        raise HarnessError(
            f"the exported network differs from torch by {difference:.2g}, more than "
            f"{TOLERANCE:g}; nothing was written"
        )
    from harness.system.files import write_atomically

    write_atomically(path, content)
    return difference
