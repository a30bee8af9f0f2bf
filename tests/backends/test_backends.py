"""Every backend computes what plain torch computes."""

import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import variants
from harness.backends import BackendUnavailableError, get_backend, prepare, slowness
from variants.adapter import OutsideModel
from variants.errors import UnknownNameError

NAMES = ["lapsrn", "ms-lapsrn", "cms-lapsrn-conv3"]
OF_THE_ZOO = ["cms-lapsrn-conv3-fourier", "ms-lapsrn-carafe", "ms-lapsrn-pixel-attention"]

jit_is_deprecated = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
"""Inductor itself imports what torch.jit still has."""


def network(name: str, scale: int = 4) -> Any:
    torch.manual_seed(0)
    model = variants.create_model(name, scale, width=8)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def available(backend: str) -> None:
    package = get_backend(backend).package
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("shape", [None, (1, 1, 12, 10)])
@pytest.mark.parametrize("name", [*NAMES, *OF_THE_ZOO])
def test_openvino_equals_eager(name: str, shape: tuple[int, int, int, int] | None) -> None:
    available("openvino")
    model = network(name)
    forward = prepare(model, "openvino", "float32", "cpu", shape)
    sizes = [(12, 10)] if shape else [(12, 10), (5, 17), (1, 1)]
    for size in sizes:
        y = torch.rand(1, 1, *size)
        torch.testing.assert_close(
            forward(y), prepare(model, "eager", "float32", "cpu")(y), atol=1e-5, rtol=1e-4
        )


@pytest.mark.slow
@jit_is_deprecated
@pytest.mark.parametrize("name", NAMES)
def test_compile_equals_eager(name: str) -> None:
    model = network(name)
    y = torch.rand(1, 1, 12, 10)
    forward = prepare(model, "compile", "float32", "cpu", (1, 1, 12, 10))
    torch.testing.assert_close(
        forward(y), prepare(model, "eager", "float32", "cpu")(y), atol=1e-5, rtol=1e-4
    )


@pytest.mark.slow
@jit_is_deprecated
def test_compile_compiles_however_many_networks() -> None:
    """Torch's own limit is 8, after which networks run uncompiled under the same name."""
    from torch._dynamo.utils import counters

    counters.clear()
    y = torch.rand(1, 1, 6, 5)
    names = ("ms-lapsrn", "cms-lapsrn-conv1", "cms-lapsrn-conv3", "cms-lapsrn-conv5", "lapsrn")
    networks = [network(name, scale) for name in names for scale in (2, 4)]
    for model in networks:
        prepare(model, "compile", "float32", "cpu", (1, 1, 6, 5))(y)
    assert counters["stats"]["unique_graphs"] == len(networks)


def test_eager_is_fast_channels_last_and_plain_torch_else(monkeypatch: pytest.MonkeyPatch) -> None:
    from variants import kernels

    model = network("cms-lapsrn-conv3")
    y = torch.rand(1, 1, 7, 9)
    with torch.inference_mode():
        expected = model(y)
    phases = kernels.conv_transpose2d_polyphase
    calls: list[object] = []

    def spy(*arguments: Any) -> torch.Tensor:
        calls.append(arguments)
        return phases(*arguments)

    monkeypatch.setattr(kernels, "conv_transpose2d_polyphase", spy)
    torch.testing.assert_close(prepare(model, "eager", "float32", "cpu")(y), expected)
    assert len(calls) == 2  # One for each level.
    model.to(memory_format=torch.contiguous_format)
    torch.testing.assert_close(prepare(model, "eager", "float32", "cpu")(y), expected)
    assert len(calls) == 2


@pytest.mark.slow
@jit_is_deprecated
@pytest.mark.parametrize("amx", [False, True])
def test_compiled_bfloat16_is_near_with_and_without_amx(
    amx: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("variants.processor.has_amx", lambda: amx)
    model = network("cms-lapsrn-conv3")
    y = torch.rand(1, 1, 9, 9)
    with torch.inference_mode():
        exact = model(y)
    computed = prepare(model, "compile", "bfloat16", "cpu")(y)
    assert computed.dtype == torch.float32
    assert 0 < (computed - exact).abs().max() < 0.02 * exact.abs().max()


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_reads_the_image_unrounded(name: str) -> None:
    model = network(name)
    y = torch.rand(1, 1, 9, 9)
    with torch.inference_mode():
        exact = model.embed(y)
        with torch.autocast("cpu", torch.bfloat16):
            features = model.embed(y)
    assert features.dtype == torch.bfloat16
    torch.testing.assert_close(features, exact.to(torch.bfloat16), rtol=2**-7, atol=0)


@pytest.mark.parametrize("backend", ["eager", "openvino"])
def test_bfloat16_keeps_the_image_branch_in_float32(backend: str) -> None:
    """Without residuals the output is the image branch alone, to float32's precision."""
    available(backend)
    model = network("ms-lapsrn", 2)
    with torch.no_grad():
        model.conv_out.weight.zero_()
        model.conv_out.bias.zero_()
    y = torch.rand(1, 1, 9, 9)
    exact = prepare(model, "eager", "float32", "cpu")(y)
    try:
        forward = prepare(model, backend, "bfloat16", "cpu")
    except BackendUnavailableError as error:
        assert backend == "openvino"
        pytest.skip(str(error))
    torch.testing.assert_close(forward(y), exact)


INTERRUPTED = """
import gc, signal, threading
import torch
from harness.backends import prepare
from variants import create_model

def collect():
    kept.clear()
    gc.collect()

kept = [prepare(create_model("ms-lapsrn", 2, width=4).eval(), "openvino", "float32", "cpu")]
thread = threading.Thread(target=collect)
thread.start()
thread.join()
signal.signal(signal.SIGINT, lambda *_: print("handled"))
signal.raise_signal(signal.SIGINT)
"""


def test_an_interrupt_after_an_openvino_network_has_gone_in_another_thread() -> None:
    available("openvino")
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr


def test_openvino_refuses_a_dtype_that_it_would_compute_in_float32() -> None:
    """It takes a wish for bf16 and computes in float32 where the processor has no bf16."""
    available("openvino")
    import openvino as ov

    if "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has bf16")
    with pytest.raises(BackendUnavailableError, match="in f32 on this processor"):
        prepare(network("ms-lapsrn", 2), "openvino", "bfloat16", "cpu")


def test_bfloat16_is_near_and_not_equal() -> None:
    model = network("ms-lapsrn")
    y = torch.rand(1, 1, 9, 9)
    exact = prepare(model, "eager", "float32", "cpu")(y)
    rounded = prepare(model, "eager", "bfloat16", "cpu")(y)
    assert rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded)
    assert (exact - rounded).abs().max() < 0.05 * exact.abs().max()


@pytest.mark.parametrize("native", [True, False])
def test_slow_dtypes_are_said(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_native(dtype: torch.dtype, device: str) -> bool:
        return native or dtype == torch.float32

    monkeypatch.setattr("variants.processor.is_native", is_native)
    note = slowness(["float32", "bfloat16", "float16"], "cpu")
    assert (note is None) == native
    assert native or "for bfloat16 and float16, which" in str(note)
    assert slowness(["float32"], "cpu") is None


def test_unknown_backend() -> None:
    with pytest.raises(UnknownNameError, match="openvino"):
        prepare(network("ms-lapsrn"), "openvin", "float32", "cpu")


def test_what_a_backend_cannot_do_is_said() -> None:
    available("openvino")
    with pytest.raises(BackendUnavailableError, match="float16"):
        prepare(network("ms-lapsrn"), "openvino", "float16", "cpu")
    with pytest.raises(BackendUnavailableError, match="networks"):
        prepare(variants.create_model("bicubic", 2), "openvino", "float32", "cpu")


def test_compile_says_that_a_compiler_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    model = variants.create_model("ms-lapsrn", 2, width=4)
    with pytest.raises(BackendUnavailableError, match="no-such-compiler was not found"):
        prepare(model, "compile", "float32", "cpu")


class LooksAtValues(nn.Module):
    """Its code depends on what is computed, so it is no one graph."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        features = self.conv(y)
        return F.pixel_shuffle(features if features.mean().item() < 9 else 2 * features, 2)


def test_compile_says_that_a_network_is_no_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.backends.compile.which", lambda compiler: compiler)
    model = OutsideModel(LooksAtValues(), 2, 1).eval()
    forward = prepare(model, "compile", "float32", "cpu")
    with pytest.raises(BackendUnavailableError, match="as one graph") as caught:
        forward(torch.rand(1, 1, 6, 5))
    assert "\n" not in str(caught.value)
    assert "use --backend eager" in str(caught.value)


def test_compile_says_what_failed_behind_the_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._dynamo.exc import BackendCompilerFailed

    def fails(y: torch.Tensor) -> torch.Tensor:
        raise BackendCompilerFailed(fails, RuntimeError("no header\nlog"), None)

    monkeypatch.setattr("harness.backends.compile.which", lambda compiler: compiler)
    monkeypatch.setattr("torch.compile", lambda model, **options: fails)
    forward = prepare(network("ms-lapsrn", 2), "compile", "float32", "cpu")
    with pytest.raises(BackendUnavailableError, match=r"\(RuntimeError: no header\); use"):
        forward(torch.rand(1, 1, 6, 5))


@pytest.mark.slow
@jit_is_deprecated
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_from_outside_is_compiled(channels: int, dtype: str) -> None:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(channels, 9 * channels, 3, padding=1), nn.PixelShuffle(3))
    model = OutsideModel(body, 3, channels, multiple=4).eval()
    forward = prepare(model, "compile", dtype, "cpu")
    for size in [(9, 13), (12, 16)]:
        x = torch.rand(1, channels, *size)
        with torch.inference_mode():
            expected = model(x)
        tolerance = {"float32": 1e-5, "bfloat16": 2e-2}[dtype]
        torch.testing.assert_close(forward(x).float(), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("backend", ["ncnn", "onnxruntime", "openvino"])
def test_other_runtimes_say_that_a_network_is_none_of_ours(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    available(backend)
    model = OutsideModel(nn.Upsample(scale_factor=2), 2, 1).eval()
    with pytest.raises(BackendUnavailableError, match="runs the networks of the catalogs, and"):
        prepare(model, backend, "float32", "cpu")
