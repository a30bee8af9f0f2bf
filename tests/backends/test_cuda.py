"""On a GPU: every backend that runs there, in every dtype, and what is measured beside latency."""

import pytest
import torch

import variants
from harness.backends import prepare
from harness.measure.latency import CUDATimer, measure_interleaved
from harness.measure.turns import LatencyOptions

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
    # Inductor itself imports what torch.jit still has.
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
]

SHAPE = (2, 1, 24, 20)
TOLERANCE = {"float32": 4e-3, "float16": 5e-3, "bfloat16": 3e-2}
"""Of the largest value: float32's convolutions are computed in TF32, as torch has them."""


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("backend", ["eager", "folded", "compile"])
@pytest.mark.parametrize("name", ["lapsrn", "ms-lapsrn", "cms-lapsrn-conv3"])
def test_a_gpu_computes_what_a_processor_does(name: str, backend: str, dtype: str) -> None:
    """A result stays what it was when the next image is computed, CUDA graph or not."""
    torch.manual_seed(0)
    model = variants.create_model(name, 4).eval()
    images = [torch.rand(SHAPE) for _ in range(4)]
    expected = [prepare(model, "eager", "float32", "cpu")(y) for y in images]
    model.to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
    forward = prepare(model, backend, dtype, "cuda", SHAPE)
    results = [forward(y.cuda()) for y in images]
    for result, wanted in zip(results, expected, strict=True):
        error = (result.float().cpu() - wanted).abs().max() / wanted.abs().max()
        assert error < TOLERANCE[dtype]


def test_energy_and_memory_are_measured() -> None:
    """Twice the work takes about twice the energy; a GPU that tells none leaves it out."""
    a = torch.rand(4096, 4096, device="cuda")

    def product() -> None:
        a @ a

    def two_products() -> None:
        product()
        product()

    measured = measure_interleaved(
        {"one": product, "two": two_products},
        CUDATimer(),
        LatencyOptions(warmup_s=0.1, max_s=0.5, min_samples=5),
    )
    assert measured.peak_bytes["one"] >= a.numel() * a.element_size()
    if measured.energy_mj:
        ratio = measured.energy_mj["two"] / measured.energy_mj["one"]
        assert 1.6 < ratio < 2.4
