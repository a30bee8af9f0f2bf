"""ONNX Runtime against torch, in float32 and in int8."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

import variants
from harness.backends import BackendUnavailableError, prepare
from harness.data.calibration import calibration_luma
from harness.data.datasets import find_dataset

needs_onnx = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="extra onnx is not installed",
)


def small(name: str) -> Any:
    torch.manual_seed(0)
    return variants.create_model(f"{name}[width=8]", 4)


@needs_onnx
@pytest.mark.parametrize("name", ["lapsrn", "ms-lapsrn", "cms-lapsrn-conv3"])
def test_float32_equals_eager_at_every_size(name: str) -> None:
    model = small(name)
    forward = prepare(model, "onnxruntime", "float32", "cpu")
    for size in [(12, 10), (5, 17), (1, 1)]:
        y = torch.rand(2, 1, *size)
        with torch.inference_mode():
            torch.testing.assert_close(forward(y), model(y), atol=1e-5, rtol=1e-4)


@needs_onnx
def test_int8_is_near_and_is_no_float() -> None:
    model = variants.create_model("cms-lapsrn-conv3", 2, pretrained=True)
    forward = prepare(model, "onnxruntime", "int8", "cpu")
    y = torch.from_numpy(next(calibration_luma(2))).float()[None, None]
    with torch.inference_mode():
        error = (forward(y) - model(y)).abs()
    assert 1e-4 < float(error.max()) < 0.1
    assert float(error.mean()) < 2 / 255


@needs_onnx
def test_what_is_quantised_and_what_is_not() -> None:
    import onnx

    from harness.backends.onnxruntime import feature_branch, quantised

    model = small("cms-lapsrn-conv3")
    content = quantised(feature_branch(model), model)
    graph = onnx.load_from_string(content).graph
    stored = {one.name: one.data_type for one in graph.initializer}
    whole = {name for name, kind in stored.items() if kind == onnx.TensorProto.INT8}
    assert {name for name in whole if "weight" in name and "scale" not in name} >= {
        f"model.convs.{i}.weight_quantized" for i in range(5)
    }
    # The tied kernel has a copy of its own, in float32.
    kernels = {n.input[1] for n in graph.node if n.op_type == "ConvTranspose"}
    assert {stored[name] for name in kernels} == {onnx.TensorProto.FLOAT}
    assert stored["model.conv_out.weight"] == onnx.TensorProto.FLOAT


def test_int8_elsewhere_is_one_sentence() -> None:
    with pytest.raises(BackendUnavailableError, match=r"eager computes in .*, not in int8"):
        prepare(small("ms-lapsrn"), "eager", "int8", "cpu")
    if find_spec("onnxruntime") is not None:
        with pytest.raises(BackendUnavailableError, match="networks of the catalogs"):
            prepare(variants.create_model("bicubic", 4), "onnxruntime", "float32", "cpu")


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_calibration_images_are_in_no_test_set(scale: int) -> None:
    images = list(calibration_luma(scale))
    assert len(images) == 7
    assert all(max(y.shape) <= 256 // scale and y.dtype == np.float64 for y in images)
    tested = {path.name for path in find_dataset("embedded").images}
    assert not tested & {path.name for path in find_dataset("calibration").images}
