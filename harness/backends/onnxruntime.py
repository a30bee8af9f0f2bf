"""ONNX Runtime on the CPU for the feature branch, also quantised to int8.

int8 is post-training static quantisation (QDQ): weights per output channel, activations by their
extremes on calibration images, of the convolutions of the feature blocks. Upsamplers, the first
convolution, the residual convolution and the image branch stay in float32: they have a tenth of the
MACs and cost as many dB as the rest. Weights have 7 bits: with 8, processors without VNNI overflow,
and figures would depend on the processor.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.backends import (
    Backend,
    BackendUnavailableError,
    Forward,
    check_agrees,
    require_exportable,
)
from harness.backends._onnx import to_onnx
from harness.data.calibration import calibration_luma
from harness.system.quiet import no_remarks

if TYPE_CHECKING:
    from torch import Tensor

    from variants.backbones.base import Pyramid, SRModel

TOLERANCE = {"float32": 1e-4, "int8": 0.1}
"""Largest error over the largest value; of int8 only what is plainly broken is refused."""

BLOCKS = "convs."
"""Part of the names of the feature blocks' weights."""


def prepare(
    model: "SRModel", dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`."""
    import onnxruntime as ort
    import torch

    from variants.branch import with_image_branch

    pyramid = require_exportable(model, "ONNX Runtime")
    content = feature_branch(pyramid)
    if dtype == "int8":
        content = quantised(content, pyramid)
    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def residuals(features: "Tensor") -> "Iterator[Tensor]":
        found = session.run(None, {"features": features.contiguous().numpy()})
        return (torch.from_numpy(residual) for residual in found)

    forward = with_image_branch(pyramid, residuals)
    # Not noise, which has values that no image has, so beyond the ranges of int8.
    y = torch.from_numpy(next(calibration_luma(pyramid.scale))).float()[None, None]
    check_agrees(model, forward, y, TOLERANCE[dtype], f"ONNX Runtime {ort.__version__}")
    return forward


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


def quantised(content: bytes, model: "Pyramid", only: str = BLOCKS) -> bytes:
    """A feature branch in int8.

    Args:
        content: of :func:`feature_branch`.
        model: whose it is.
        only: part of the names of the weights to quantise, such as ``convs.0.`` or
            ``upsampler.``.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, no_remarks():
        source, ready, target = (Path(folder) / name for name in ("a.onnx", "b.onnx", "c.onnx"))
        source.write_bytes(content)
        quant_pre_process(source, ready, skip_symbolic_shape=True)
        model_proto = onnx.load(ready)
        _untie(model_proto.graph)
        onnx.save(model_proto, ready)
        nodes = [
            node.name
            for node in model_proto.graph.node
            if node.op_type in ("Conv", "ConvTranspose") and only in node.input[1]
        ]
        if nodes:
            quantize_static(
                ready,
                target,
                _Calibration(model),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=nodes,
            )
        return (target if nodes else ready).read_bytes()


def _untie(graph: Any) -> None:
    """Give transposed convolutions kernels of their own: the exporter merges equal tensors.

    A kernel that both kinds share would be quantised for both, per output channel of one, which are
    the input channels of the other.
    """
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "ConvTranspose" and BLOCKS in node.input[1]:
            name = f"upsampler.of.{node.input[1].replace(BLOCKS, '')}"
            if name not in stored:
                copied = type(stored[node.input[1]])()
                copied.CopyFrom(stored[node.input[1]])
                copied.name = name
                graph.initializer.append(copied)
                stored[name] = copied
            node.input[1] = name


class _Calibration:
    """Features of the calibration images, as the quantiser reads them."""

    def __init__(self, model: "Pyramid") -> None:
        self._features = self._of(model)

    @staticmethod
    def _of(model: "Pyramid") -> "Iterator[dict[str, Any]]":
        import torch

        with torch.inference_mode():
            for y in calibration_luma(model.scale):
                luma: torch.Tensor = torch.from_numpy(y).float()[None, None]
                yield {"features": model.embed(luma).contiguous().numpy()}

    def get_next(self) -> "dict[str, Any] | None":
        return next(self._features, None)


BACKEND = Backend(
    prepare,
    package="onnxruntime",
    extra="onnx",
    dtypes=tuple(TOLERANCE),
    devices=("cpu",),
    keeps_memory_format=False,
)
