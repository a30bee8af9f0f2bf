"""OpenVINO on the CPU for the feature branch; what reads the image stays in torch, in float32."""

from typing import TYPE_CHECKING, Any

from harness.backends import Backend, Forward, check_agrees, require_exportable
from harness.system.interrupts import same_signal_stack
from harness.system.quiet import no_torchscript_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from variants.backbones.base import SRModel

TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1}
"""Largest error over the largest value; bfloat16 keeps two to three digits per operation."""

_PRECISION = {"float32": "f32", "bfloat16": "bf16"}


def prepare(
    model: "SRModel", dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`."""
    import numpy as np
    import openvino as ov
    import torch

    from harness.backends import BackendUnavailableError
    from variants.branch import FeatureBranch, with_image_branch

    pyramid = require_exportable(model, "OpenVINO")
    static = shape or (1, 1, 16, 16)
    with torch.no_grad(), no_torchscript_warnings():
        features = pyramid.embed(torch.zeros(static))
        branch = ov.convert_model(FeatureBranch(pyramid), example_input=features)
    branch.reshape([*features.shape[:2], -1, -1] if shape is None else list(features.shape))
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": _PRECISION[dtype],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    with same_signal_stack():  # What OpenVINO sets goes with the network, in whatever thread.
        compiled = ov.Core().compile_model(branch, "CPU", settings)
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if precision != _PRECISION[dtype]:
        raise BackendUnavailableError(
            f"OpenVINO computes in {precision} on this processor when it is asked for {dtype}, so "
            f"there is nothing to measure in {dtype}"
        )
    request = compiled.create_infer_request()

    def residuals(features: "Tensor") -> "Iterator[Tensor]":
        given = np.ascontiguousarray(features.numpy())
        outputs = request.infer([given], share_inputs=True)
        return (torch.from_numpy(residual) for residual in outputs.values())

    forward = with_image_branch(pyramid, residuals)
    y = torch.rand(static, generator=torch.Generator().manual_seed(0))
    check_agrees(model, forward, y, TOLERANCE[dtype], f"OpenVINO {ov.__version__}")
    return forward


BACKEND = Backend(
    prepare,
    package="openvino",
    dtypes=tuple(_PRECISION),
    devices=("cpu",),
    keeps_memory_format=False,
)
