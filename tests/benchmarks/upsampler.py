"""Ways to compute the tied upsampler: 64 to 64 channels, 180x320 and 360x640 to twice that.

    python -m tests.benchmarks.upsampler [cuda]

``torch`` is ``conv_transpose2d`` and a crop; ``polyphase`` is what networks on a CPU use
(:mod:`variants.kernels`): a convolution for each of the four phases of the output, written where it
belongs, or, in bf16 with AMX and in training, ``at once``: one convolution for all, interleaved
afterwards. All with the LeakyReLU behind it.
The rate counts the MACs of the definition, 9 x 64 x 64 per input position, whatever a way computes.
On a GPU, float32 is TF32 where torch has it so, and a sample is twenty calls.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.system.malloc import keep_freed_memory
from tests.benchmarks.ratio import Medians, medians_s, report
from variants.kernels import conv_transpose2d_polyphase, conv_transpose2d_polyphase_at_once

SIZES = [(180, 320), (360, 640)]
CHANNELS = 64
DTYPES = {
    "cpu": (torch.float32, torch.bfloat16),
    "cuda": (torch.float32, torch.bfloat16, torch.float16),
}
CALLS = {"cpu": 1, "cuda": 20}
"""In one sample: so that a GPU does not wait for the first launch."""


def by_torch(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.conv_transpose2d(x, weight, bias, stride=2)[..., :-1, :-1]


WAYS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "torch": by_torch,
    "polyphase": conv_transpose2d_polyphase,
    "at once": conv_transpose2d_polyphase_at_once,
}


def main(device: str) -> None:
    """Print each way's rate, layout by layout and dtype by dtype."""
    keep_freed_memory()  # As every backend on a CPU does; page faults would hide the difference.
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(CHANNELS, CHANNELS, 3, 3, generator=generator) / 24
    bias = torch.randn(CHANNELS, generator=generator)
    weight, bias = weight.to(device), bias.to(device)
    calls: dict[str, Any] = {}
    gflop: dict[str, float] = {}
    for height, width in SIZES:
        features = torch.randn(1, CHANNELS, height, width, generator=generator).to(device)
        for dtype in DTYPES[device]:
            for layout in (torch.contiguous_format, torch.channels_last):
                x = features.to(dtype, memory_format=layout)
                operands = (x, weight.to(dtype), bias.to(dtype))
                expected = by_torch(features, weight, bias)
                for way, function in WAYS.items():
                    kind = str(dtype).removeprefix("torch.")
                    memory = str(layout).removeprefix("torch.")
                    name = f"{way}, {kind}, {memory}, {height}x{width}"
                    error = (function(*operands).float() - expected).abs().max()
                    exact = dtype == torch.float32 and device == "cpu"
                    assert error < (1e-4 if exact else 0.1), name
                    calls[name] = _call(function, operands, device)
                    gflop[name] = 2 * 9 * CHANNELS**2 * height * width / 1e9
    taken = medians_s(calls, rounds=7, warmup=2).samples
    seconds = Medians({name: [s / CALLS[device] for s in taken[name]] for name in calls})
    rows = [
        {"way": name, "ms": 1e3 * seconds[name], "GFLOP/s": gflop[name] / seconds[name]}
        for name in calls
    ]
    targets = {}
    for dtype in DTYPES[device]:
        kind = str(dtype).removeprefix("torch.")
        place = f"{kind}, channels_last, {SIZES[-1][0]}x{SIZES[-1][1]}"
        for way in ("polyphase", "at once")[: 1 if device == "cpu" else 2]:
            gain = seconds[f"torch, {place}"] / seconds[f"{way}, {place}"]
            targets[f"{way} over torch, {place}"] = gain
    title = "The tied upsampler and its LeakyReLU"
    report("upsampler", title, rows, targets, seconds.samples, device=device)


def _call(
    function: Callable[[Tensor, Tensor, Tensor], Tensor],
    operands: tuple[Tensor, Tensor, Tensor],
    device: str,
) -> Callable[[], object]:
    def call() -> None:
        with torch.inference_mode():
            for _ in range(CALLS[device]):
                F.leaky_relu(function(*operands), 0.2)
        if device == "cuda":
            torch.cuda.synchronize()

    return call


if __name__ == "__main__":
    main("cuda" if "cuda" in sys.argv[1:] else "cpu")
