"""OpenVINO on the CPU for the feature branch; what reads the image stays in torch, in float32."""

from typing import TYPE_CHECKING, Any

from harness.backends import Backend, BackendUnavailableError, Forward
from harness.errors import HarnessError
from harness.system.quiet import no_torchscript_warnings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from variants.backbones.base import Pyramid, SRModel

TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1}
"""Largest error over the largest value; bfloat16 keeps two to three digits per operation."""

_PRECISION = {"float32": "f32", "bfloat16": "bf16"}


def _residuals(model: "Pyramid") -> "nn.Module":
    """The feature branch behind its first convolution, as a module of its own."""
    from torch import nn

    class Residuals(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, features: "Tensor") -> "tuple[Tensor, ...]":
            return self.model.residuals(features)

    return Residuals()


def prepare(
    model: "SRModel", dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`."""
    import numpy as np
    import openvino as ov
    import torch

    from variants.backbones.base import Pyramid
    from variants.bake import baked

    if not isinstance(model, Pyramid):
        raise BackendUnavailableError(
            "backend openvino runs the networks of the catalogs, and this is none of them"
        )
    if model.not_exportable:
        raise BackendUnavailableError(f"OpenVINO cannot run this network: {model.not_exportable}")
    static = shape or (1, 1, 16, 16)
    with torch.no_grad(), no_torchscript_warnings():
        features = model.embed(torch.zeros(static))
        # OpenVINO 2026.4 computes wrong values where a convolution shares its weight with a
        # transposed one.
        branch = ov.convert_model(_residuals(baked(model)), example_input=features)
    branch.reshape([*features.shape[:2], -1, -1] if shape is None else list(features.shape))
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": _PRECISION[dtype],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = ov.Core().compile_model(branch, "CPU", settings)
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if precision != _PRECISION[dtype]:
        raise BackendUnavailableError(
            f"OpenVINO computes in {precision} on this processor when it is asked for {dtype}, so "
            f"there is nothing to measure in {dtype}"
        )
    request = compiled.create_infer_request()

    def forward(y: "Tensor") -> "Tensor":
        with torch.inference_mode():
            features = model.embed(y).numpy()
            outputs = request.infer([np.ascontiguousarray(features)], share_inputs=True)
            image = y
            for level, residual in enumerate(outputs.values()):
                image = model.add_residual(level, image, torch.from_numpy(residual))
        return image

    _check(model, forward, static, dtype)
    return forward


def _check(model: "SRModel", forward: Forward, shape: tuple[int, ...], dtype: str) -> None:
    """Refuse a compiled network that computes something else than torch does."""
    import openvino as ov
    import torch

    y = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = model(y)
        error = float((forward(y) - expected).abs().max() / expected.abs().max())
    if not error <= TOLERANCE[dtype]:  # A NaN fails the check, too.
        raise HarnessError(
            f"OpenVINO {ov.__version__} computes something else than torch: the largest error is "
            f"{error:.2g} of the largest value"
        )


BACKEND = Backend(
    prepare,
    package="openvino",
    dtypes=tuple(_PRECISION),
    devices=("cpu",),
    keeps_memory_format=False,
)
