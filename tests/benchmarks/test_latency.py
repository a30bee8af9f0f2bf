"""Latency of every named variant at every scale, with pytest-benchmark.

    tox -e benchmarks                                    # measure and print
    tox -e benchmarks -- --benchmark-autosave            # and store under results/benchmarks
    tox -e benchmarks -- --benchmark-compare --benchmark-compare-fail=min:10%
    tox -e benchmarks-compare                            # twice, the second against the first

Not part of the default tests. On the CPU the HR size is 128x128, small enough for minutes; on CUDA
it is 1280x720.
"""

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

import variants
from harness.backends import prepare
from harness.system.environment import device_name

HR_SIZE = {"cpu": (128, 128), "cuda": (720, 1280)}
MIN_ROUNDS = 20
NAMES = variants.list_models()


# A second each: the least time of so many rounds hardly notices that a machine is shared.
@pytest.mark.benchmark(min_rounds=MIN_ROUNDS, max_time=1.0, warmup=True, warmup_iterations=3)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("name", NAMES)
def test_forward(benchmark: BenchmarkFixture, name: str, scale: int, device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    model = variants.create_model(name, scale).to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    height, width = (n // scale for n in HR_SIZE[device])
    size = (1, 1, height, width)
    source = torch.rand(size, device=device)
    network = prepare(model.eval(), "eager", "float32", device, size)
    benchmark.group = f"{scale}x {device}"
    benchmark.extra_info.update(
        variant=name,
        scale=scale,
        device=device,
        device_name=device_name(device),
        dtype="float32",
        threads=torch.get_num_threads(),
        tf32=torch.backends.cudnn.allow_tf32 if device == "cuda" else None,
        torch=torch.__version__,
        lr_height=height,
        lr_width=width,
        params=sum(p.numel() for p in model.parameters()),
        macs=model.macs(height, width),
    )

    def forward() -> None:
        network(source)
        if device == "cuda":
            # pytest-benchmark reads a wall clock: the launch alone is not the work.
            torch.cuda.synchronize()

    benchmark(forward)
    if benchmark.enabled:
        assert benchmark.stats is not None
        assert benchmark.stats.stats.rounds >= MIN_ROUNDS
