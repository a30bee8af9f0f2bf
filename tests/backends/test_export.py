"""Exported networks compute what torch computes, at sizes they were not traced with."""

import inspect
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

import variants
from harness.errors import HarnessError
from harness.networks import export

pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="needs the packages of the extra `onnx`",
)


@pytest.mark.parametrize("name", ["lapsrn", "ms-lapsrn", "cms-lapsrn-conv3"])
def test_onnx_equals_torch(name: str, tmp_path: Path) -> None:
    import onnxruntime as ort

    torch.manual_seed(0)
    model = variants.create_model(name, 4, width=8)
    assert export.export(model, tmp_path / "net.onnx") <= export.TOLERANCE
    session = ort.InferenceSession(tmp_path / "net.onnx")
    y = torch.rand(3, 1, 5, 9)
    with torch.inference_mode():
        expected = model(y)
    (found,) = session.run(None, {"y": y.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", variants.list_upsamplers())
def test_every_upsampler_is_exported_or_says_why_not(name: str, tmp_path: Path) -> None:
    options = [f"upsampler={name}"]
    conv = inspect.signature(variants.get_upsampler(name)).parameters.get("conv")
    if conv is not None and conv.default is conv.empty:
        options.append("conv=2")
    torch.manual_seed(0)
    model = variants.create_model(f"ms-lapsrn[depth=4,recursions=1,width=8,{','.join(options)}]", 4)
    with torch.no_grad():
        for parameter in model.parameters():  # Nowhere zero, as after a training.
            parameter.add_(torch.randn_like(parameter), alpha=0.02)
    path = tmp_path / "net.onnx"
    if reason := variants.get_upsampler(name).not_exportable:
        with pytest.raises(HarnessError, match=f"cannot be written to onnx: {reason}"):
            export.export(model, path)
        assert not path.exists()
    else:
        assert export.export(model, path) <= export.TOLERANCE
        assert path.stat().st_size > 1000


def test_a_network_that_differs_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(HarnessError, match="nothing was written"):
        export.export(variants.create_model("ms-lapsrn", 2, width=8), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_network_whose_output_is_not_finite_is_not_written(tmp_path: Path) -> None:
    model = variants.create_model("ms-lapsrn", 2, width=8)
    with torch.no_grad():
        model.get_parameter("conv_out.bias").fill_(float("nan"))
    with pytest.raises(HarnessError, match=r"16x16 pixels is not finite .*nothing was written"):
        export.export(model, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["onnx", "ncnn"])
def test_a_network_that_torch_cannot_trace_is_not_written(kind: str, tmp_path: Path) -> None:
    model = variants.create_model("ms-lapsrn", 2, width=8)
    conv_out = model.get_submodule("conv_out")
    whole = conv_out.forward

    conv_out.forward = lambda x: whole(x) if x.mean() > 0 else whole(-x)
    with pytest.raises(HarnessError, match=rf"(?i){kind} cannot have this network: torch cannot"):
        export.export(model, tmp_path / "net.param", kind)
    assert not list(tmp_path.iterdir())
