"""ONNX Runtime on the CPU for the feature branch, also quantised to int8.

In int8 are the convolutions of the feature blocks. Upsamplers, the first convolution, the residual
convolution and the image branch stay in float32: they have a tenth of the MACs and cost as many dB
as the rest. ``int8[float32=LAYER+...]`` chooses otherwise; ``harness sensitivity`` tells what each
layer costs.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.backends import (
    Backend,
    BackendUnavailableError,
    Forward,
    check_agrees,
    layers_in_float,
    require_exportable,
)
from harness.backends._int8 import Quantiser
from harness.backends._onnx import to_onnx
from harness.data.calibration import calibration_luma

if TYPE_CHECKING:
    from torch import Tensor

    from variants.backbones.base import Pyramid, SRModel

TOLERANCE = {"float32": 1e-4, "int8": 0.25}
"""Largest error over the largest value; of int8 only what is plainly broken is refused: of networks
with random weights, which latency is measured on, rounding alone has made 0.11."""


def prepare(
    model: "SRModel", dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`."""
    import onnxruntime as ort
    import torch

    pyramid = require_exportable(model, "ONNX Runtime")
    content = feature_branch(pyramid)
    in_float = layers_in_float(dtype)
    if in_float is not None:
        quantiser = Quantiser(content, pyramid)
        content = quantiser.quantised(quantiser.all_but(in_float))
    forward = forward_of(content, pyramid)
    # Not noise, which has values that no image has, so beyond the ranges of int8.
    y = torch.from_numpy(next(calibration_luma(pyramid.scale))).float()[None, None]
    tolerance = TOLERANCE["float32" if in_float is None else "int8"]
    check_agrees(model, forward, y, tolerance, f"ONNX Runtime {ort.__version__}")
    return forward


def forward_of(content: bytes, model: "Pyramid") -> Forward:
    """A network whose feature branch ONNX Runtime computes.

    Args:
        content: the branch as ONNX.
        model: whose it is, in evaluation mode; it computes the image around it.
    """
    import onnxruntime as ort
    import torch

    from variants.branch import with_image_branch

    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def residuals(features: "Tensor") -> "Iterator[Tensor]":
        found = session.run(None, {"features": features.contiguous().numpy()})
        return (torch.from_numpy(residual) for residual in found)

    return with_image_branch(model, residuals)


def feature_branch(model: "Pyramid") -> bytes:
    """The feature branch as ONNX, any batch, height and width.

    Raises:
        BackendUnavailableError: a package that exports is missing.
    """
    import torch

    from variants.branch import FeatureBranch

    with torch.no_grad():
        features = model.embed(torch.rand(2, 1, 12, 10))
    try:
        return to_onnx(FeatureBranch(model), features, "features")
    except ImportError as error:
        raise BackendUnavailableError(
            f"backend onnxruntime needs the package {error.name}, too: pip install "
            "'cms-lapsrn-harness[onnx]'"
        ) from error


BACKEND = Backend(
    prepare,
    package="onnxruntime",
    extra="onnx",
    dtypes=tuple(TOLERANCE),
    devices=("cpu",),
    keeps_memory_format=False,
    chooses_layers=True,
)
