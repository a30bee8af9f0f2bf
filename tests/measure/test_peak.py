"""References: which are taken, and what they amount to."""

from collections.abc import Callable

import pytest
import torch

from harness.measure import peak
from harness.measure.latency import CPUTimer
from harness.measure.peak import Reference, best, gflops, references


class Constant:
    """Runs nothing; every call takes so long."""

    def __init__(self, ms: float) -> None:
        self.ms = ms

    def time_ms(self, call: Callable[[], object]) -> float:
        return self.ms

    def peak_bytes(self, call: Callable[[], object]) -> None:
        return None

    def energy_mj(self, call: Callable[[], object], ms: float) -> None:
        return None


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak, "CONV_SIZES", {"cpu": ((4, 4), (8, 16))})
    monkeypatch.setattr(peak, "GEMM_SIZES", {"cpu": (8,)})


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_work_is_that_of_the_calls(dtype: torch.dtype) -> None:
    found = references(dtype, "cpu", CPUTimer())
    assert [(r.kind, r.macs) for r in found] == [
        ("conv", 9 * 64 * 64 * 16),
        ("conv", 9 * 64 * 64 * 128),
        ("gemm", 8**3),
    ]
    outputs = [r.call() for r in found]
    assert all(isinstance(out, torch.Tensor) and out.dtype == dtype for out in outputs)
    assert [tuple(out.shape) for out in outputs] == [(1, 64, 4, 4), (1, 64, 8, 16), (8, 8)]  # type: ignore[attr-defined]
    assert outputs[1].is_contiguous(memory_format=torch.channels_last)  # type: ignore[attr-defined]


def test_a_slow_device_gets_the_smaller_ones() -> None:
    assert [r.macs for r in references(torch.float32, "cpu", Constant(200))] == [589824, 512]
    assert references(torch.float32, "cpu", Constant(600)) == []


def test_a_dtype_that_the_device_cannot_do_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> Callable[[], object]:
        raise NotImplementedError("not implemented for 'Half'")

    monkeypatch.setattr(peak, "_conv", unsupported)
    assert [r.kind for r in references(torch.float32, "cpu", CPUTimer())] == ["gemm"]


def test_the_best_of_each_and_of_all() -> None:
    small, large, gemm = (
        Reference(kind, macs, lambda: None)
        for kind, macs in (("conv", 10**9), ("conv", 10**10), ("gemm", 10**9))
    )
    assert best("float32", {small: 10, large: 200, gemm: 8}) == {
        "dtype": "float32",
        "conv_gflops": 200,
        "gemm_gflops": 250,
        "gflops": 250,
    }
    assert best("float16", {small: 10})["gemm_gflops"] is None
    assert best("float16", {})["gflops"] is None
    assert gflops(10**9, 1000) == 2
