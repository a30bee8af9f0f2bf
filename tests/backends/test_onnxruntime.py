"""ONNX Runtime against torch, in float32 and in int8."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import harness
import variants
from harness.backends import BackendUnavailableError, layers_in_float, prepare, recorded_dtype
from harness.commands.sensitivity import command as sensitivity
from harness.data.calibration import calibration_luma
from harness.data.datasets import find_dataset
from harness.errors import ConfigError
from harness.images.decode import write_image
from harness.jobs.config import RunConfig
from harness.jobs.plan import make_plan
from tests.commands.invoke import invoke
from variants.fold import fold
from variants.weights.files import save_weights

needs_onnx = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="extra onnx is not installed",
)


def small(name: str) -> Any:
    torch.manual_seed(0)
    return variants.create_model(name, 4, width=8)


@needs_onnx
@pytest.mark.parametrize(
    "name",
    [
        *("lapsrn", "ms-lapsrn", "cms-lapsrn-conv3"),
        *("cms-lapsrn-conv3-fourier", "ms-lapsrn-carafe", "ms-lapsrn-pixel-attention"),
    ],
)
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
@pytest.mark.parametrize("scale", [2, 4])
def test_what_was_folded_stays_in_float_as_its_parts_do(scale: int) -> None:
    """At 2x no residual convolution is left by itself."""
    model = variants.create_model("cms-lapsrn-conv3", scale, pretrained=True)
    y = torch.from_numpy(next(calibration_luma(scale))).float()[None, None]
    whole, folded = (prepare(one, "onnxruntime", "int8", "cpu") for one in (model, fold(model)))
    # The last upsampler and the residual convolution are in float32 in both.
    assert float((folded(y) - whole(y)).abs().mean()) < 1e-3


@needs_onnx
def test_what_is_quantised_and_what_is_not() -> None:
    import onnx

    from harness.backends import USUALLY_FLOAT
    from harness.backends._int8 import Quantiser
    from harness.backends.onnxruntime import feature_branch

    model = small("cms-lapsrn-conv3")
    quantiser = Quantiser(feature_branch(model), model)
    content = quantiser.quantised(quantiser.all_but(USUALLY_FLOAT))
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


@needs_onnx
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Its kernel is derived from that of a convolution.
        ("ms-lapsrn[depth=1,upsampler=shuffle-shared,conv=1", ["convs.0", "upsampler", "conv_out"]),
        (
            "lapsrn[depth=1,upsampler=tied,conv=1",
            [f"levels.{n}.{part}" for n in (0, 1) for part in ("convs.0", "upsampler", "conv_out")],
        ),
    ],
)
def test_layers_are_called_as_modules_are(name: str, expected: list[str]) -> None:
    from harness.backends._int8 import Quantiser
    from harness.backends.onnxruntime import feature_branch

    torch.manual_seed(0)
    model: Any = variants.create_model(f"{name},width=4]", 4)
    quantiser = Quantiser(feature_branch(model), model)
    assert quantiser.layers == expected
    assert {name for name, _ in model.named_modules()} >= set(expected)
    left = [layer for layer in expected if layer.endswith("conv_out")]
    assert quantiser.all_but(["convs.0", "upsampler"]) == quantiser.all_but(["convs", "upsampler"])
    assert quantiser.all_but(["convs", "upsampler"]) == left
    assert quantiser.all_but([]) == expected
    with pytest.raises(BackendUnavailableError, match=r"no layer onvs; there are .*convs\.0"):
        quantiser.all_but(["onvs"])


@needs_onnx
def test_layers_that_stay_in_float32_are_chosen_by_the_dtype() -> None:
    torch.manual_seed(0)
    model = variants.create_model("ms-lapsrn[depth=1,width=4]", 2)
    y = torch.from_numpy(next(calibration_luma(2))).float()[None, None]
    errors = []
    for dtype in ("int8[float32=conv_out+convs+upsampler]", "int8[float32=none]"):
        forward = prepare(model, "onnxruntime", dtype, "cpu")
        with torch.inference_mode():
            errors.append(float((forward(y) - model(y)).square().mean()))
    assert errors[0] < 1e-10 < errors[1]


@needs_onnx
def test_sensitivity_tells_every_layer(
    tmp_path: Path,
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    (tmp_path / "photos").mkdir()
    write_image(tmp_path / "photos" / "a.png", pixels)
    torch.manual_seed(0)
    variant = variants.get_variant("ms-lapsrn[depth=2,width=8]")
    model = variants.create_model(variant.name, 8)
    save_weights(model, tmp_path / "w.safetensors", variant, 8, {})
    arguments: list[object] = [
        variant.name,
        "--scale",
        "2",
        "--weights",
        tmp_path / "w.safetensors",
    ]
    invoke(sensitivity, *arguments, "--dataset", tmp_path / "photos", "-o", tmp_path / "layers.csv")
    table = pd.read_csv(tmp_path / "layers.csv", keep_default_na=False)
    layers = ["convs.0", "convs.1", "upsampler", "conv_out"]
    assert list(table["int8"]) == ["", *layers, "convs.0+convs.1", "+".join(layers)]
    assert list(table["psnr_y"][0] - table["psnr_y"]) == pytest.approx(list(table["loss_db"]))
    assert (table["loss_db"][1:] != 0).all()
    own = harness.evaluate(
        {2: variants.create_model(variant.name, 2, pretrained=tmp_path / "w.safetensors")},
        [tmp_path / "photos"],
        [2],
    )
    assert table["psnr_y"][0] == pytest.approx(float(own["psnr_y"].mean()), abs=1e-4)


def test_sensitivity_without_the_extra_or_without_a_network_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.backends.find_spec", lambda name: None)
    with pytest.raises(BackendUnavailableError, match=r"harness\[onnx\]"):
        invoke(sensitivity, "ms-lapsrn")
    with pytest.raises(ConfigError, match="no network to quantise"):
        invoke(sensitivity, "bicubic")


def test_a_choice_of_layers_has_one_name() -> None:
    assert recorded_dtype("int8[float32=upsampler+conv_out]") == "int8"
    assert (
        recorded_dtype("int8[float32=convs.1+convs.0+convs.1]") == "int8[float32=convs.0+convs.1]"
    )
    assert recorded_dtype("fp32") == "float32"
    assert layers_in_float("int8") == ("conv_out", "upsampler")
    assert layers_in_float("int8[float32=none]") == ()
    assert layers_in_float("bfloat16") is None
    for text in (
        "int8[]",
        "int8[float32=]",
        "int8[conv_out]",
        "fp32[float32=a]",
        "int8[float32=a,b]",
    ):
        with pytest.raises(ConfigError, match="such as"):
            recorded_dtype(text)


def test_a_choice_of_layers_is_part_of_what_a_job_is() -> None:
    dtypes = ("int8", "int8[float32=upsampler+conv_out]", "int8[float32=none]")
    config = RunConfig(
        variants=("ms-lapsrn",),
        scales=(2,),
        datasets=("embedded",),
        only=("quality",),
        backends=("onnxruntime",),
        dtypes=dtypes,
        limit=1,
    )
    jobs = make_plan(config).jobs
    assert [job.spec.dtype for job in jobs] == ["int8", "int8[float32=none]"]
    assert len({job.id for job in jobs}) == 2


def test_a_choice_of_layers_elsewhere_is_one_sentence() -> None:
    with pytest.raises(BackendUnavailableError, match=r"not in int8\[float32=none\]"):
        prepare(small("ms-lapsrn"), "eager", "int8[float32=none]", "cpu")


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
