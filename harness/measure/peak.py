"""Peak throughput of a device: a convolution and a matrix product, the networks' reference."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from harness.measure.latency import Call, Timer

CHANNELS = 64
CONV_SIZES = {"cpu": ((128, 128), (360, 640)), "cuda": ((360, 640), (1440, 2560))}
"""Height and width. Of a CPU: one that its caches may hold, and one that they do not. Of a GPU: one
of 0.1 ms on an H200, whose start weighs on it, and one of sixteen times that."""
GEMM_SIZES = {"cpu": (1024,), "cuda": (4096,)}
MAX_CALL_MS = 500.0
"""A reference that takes longer is left out: it would use up the time of what is measured."""


@dataclass(frozen=True)
class Reference:
    """One call whose work is known.

    Attributes:
        kind: ``"conv"`` or ``"gemm"``.
        macs: multiply-accumulates of a call.
        call: runs it.
    """

    kind: str
    macs: int
    call: Call


def gflops(macs: int, median_ms: float) -> float:
    """Achieved GFLOP/s; FLOPs are 2 x MACs."""
    return 2 * macs / median_ms / 1e6


def references(dtype: torch.dtype, device: str, timer: Timer) -> list[Reference]:
    """A 3x3 convolution of 64 to 64 channels and a matrix product, in one or two sizes each.

    What the device cannot compute in this dtype, or only slowly, is left out.
    """
    sizes = CONV_SIZES[device]
    convs = {9 * CHANNELS**2 * h * w: partial(_conv, h, w, dtype, device) for h, w in sizes}
    gemms = {n**3: partial(_gemm, n, dtype, device) for n in GEMM_SIZES[device]}
    return [*_affordable("conv", convs, timer), *_affordable("gemm", gemms, timer)]


def _affordable(
    kind: str, makers: Mapping[int, Callable[[], Call]], timer: Timer
) -> Iterator[Reference]:
    """Those that are quick enough, by MACs from few to many."""
    ms_per_mac = 0.0
    for macs, make in makers.items():
        if ms_per_mac * macs > MAX_CALL_MS:
            return
        try:
            call = make()
            call()
            took_ms = timer.time_ms(call)
        except RuntimeError:
            return  # Such as "not implemented for 'Half'", or no memory for it.
        if took_ms > MAX_CALL_MS:
            return
        ms_per_mac = took_ms / macs
        yield Reference(kind, macs, call)


def _conv(height: int, width: int, dtype: torch.dtype, device: str) -> Call:
    conv = torch.nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1).to(device, dtype)
    conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    source = torch.rand(1, CHANNELS, height, width).to(device, dtype)
    source = source.to(memory_format=torch.channels_last)

    def call() -> object:
        with torch.inference_mode():
            return conv(source)

    return call


def _gemm(n: int, dtype: torch.dtype, device: str) -> Call:
    a, b = (torch.rand(n, n).to(device, dtype) for _ in range(2))

    def call() -> object:
        with torch.inference_mode():
            return torch.mm(a, b)

    return call


def best(dtype: str, measured: Mapping[Reference, float]) -> dict[str, Any]:
    """What was reached at most, from the median milliseconds of references.

    Returns:
        ``dtype``, ``conv_gflops``, ``gemm_gflops`` and ``gflops``, the larger of the two; None
        where nothing was measured.
    """

    def most(*kinds: str) -> float | None:
        reached = (gflops(r.macs, ms) for r, ms in measured.items() if r.kind in kinds)
        return max(reached, default=None)

    return {
        "dtype": dtype,
        "conv_gflops": most("conv"),
        "gemm_gflops": most("gemm"),
        "gflops": most("conv", "gemm"),
    }
