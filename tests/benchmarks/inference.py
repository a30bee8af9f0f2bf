"""Whole-network inference: MS-LapSRN D5R2 with the tied upsampler, 4x, to 1280x720, by backend.

    python -m tests.benchmarks.inference

Each way in turns, beside a large 64-to-64 convolution in the same dtype. "plain" is the module as
torch runs it: eager, float32, NCHW, no fused kernels (though with the allocator setting that all
ways share, so ratios to it are on the low side). Where ``HARNESS_DATA`` holds Set5, its PSNR under
each way is compared with plain's; a way counts towards the target only if it loses at most
``LARGEST_LOSS_DB`` at every scale.
"""

from typing import Any

import numpy as np
import torch

import variants
from harness.backends import BackendUnavailableError, Forward, prepare
from harness.data.datasets import find_dataset
from harness.errors import DataError
from harness.protocols import PROTOCOLS
from harness.stages.networks import Network
from harness.stages.quality import evaluate_images
from tests.benchmarks.ratio import medians_s, report
from variants.backbone import SRModel
from variants.weights.store import find_shipped

NAME, SCALE = "cms-lapsrn-conv3", 4
LR = (1, 1, 180, 320)
LARGEST_LOSS_DB = 0.01
WAYS = [
    ("eager", "float32"),
    ("eager", "bfloat16"),
    ("compile", "float32"),
    ("compile", "bfloat16"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
]


def network(scale: int = SCALE) -> SRModel:
    """The shipped network, or one with random weights where none ships."""
    return variants.create_model(NAME, scale, pretrained=find_shipped(NAME, scale) is not None)


def make(way: str, scale: int = SCALE, shape: tuple[int, int, int, int] | None = None) -> Forward:
    """A way by name: "plain", or a backend and a dtype."""
    model = network(scale)
    if way == "plain":
        return _plain(model)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    backend, dtype = way.split()
    return prepare(model, backend, dtype, "cpu", shape)


def _plain(model: SRModel) -> Forward:
    def forward(y: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            output: torch.Tensor = model(y)
            return output

    return forward


def convolution(dtype: str) -> tuple[float, Any]:
    conv = torch.nn.Conv2d(64, 64, 3, padding=1).to(getattr(torch, dtype))
    conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.rand(1, 64, 720, 1280).to(getattr(torch, dtype))
    x = x.to(memory_format=torch.channels_last)

    def call() -> object:
        with torch.inference_mode():
            return conv(x)

    return 2 * 9 * 64 * 64 * 720 * 1280 / 1e9, call


def set5_psnr(way: str) -> dict[int, float] | None:
    """Mean PSNR by scale, None without Set5 or weights."""
    try:
        images = list(find_dataset("Set5").images)
    except DataError:
        return None
    if find_shipped(NAME, SCALE) is None:
        return None
    means = {}
    for scale in (2, 4, 8):
        network = Network(make(way, scale), torch.float32, "cpu")
        rows = evaluate_images(network, images, scale, PROTOCOLS["matlab_y"])
        means[scale] = float(np.mean([row["psnr_y"] for row in rows]))
    return means


def main() -> None:
    """Print each way's rate, its speed-up over plain and what it loses in PSNR."""
    y = torch.rand(LR)
    calls: dict[str, Any] = {}
    gflop: dict[str, float] = {}
    for way in ["plain", *(f"{backend} {dtype}" for backend, dtype in WAYS)]:
        try:
            forward = make(way, shape=LR)
        except BackendUnavailableError as error:
            print(f"{way}: {error}")
            continue
        calls[way] = lambda forward=forward: forward(y)
        gflop[way] = 2 * network().macs(*LR[2:]) / 1e9
    ways = list(calls)
    for dtype in ("float32", "bfloat16"):
        gflop[f"convolution {dtype}"], calls[f"convolution {dtype}"] = convolution(dtype)
    seconds = medians_s(calls, rounds=7, warmup=2)
    rate = {name: gflop[name] / seconds[name] for name in calls}
    exact = set5_psnr("plain")
    rows: list[dict[str, Any]] = []
    faithful: dict[str, float] = {}
    for name in calls:
        row: dict[str, Any] = {"way": name, "ms": 1000 * seconds[name], "GFLOP/s": rate[name]}
        if name in ways:
            speed_up = row["speed-up over plain"] = seconds["plain"] / seconds[name]
            psnr = set5_psnr(name) if exact else None
            if exact and psnr:
                lost = {f"dB lost {scale}x": exact[scale] - psnr[scale] for scale in exact}
                row |= lost
                if max(lost.values()) <= LARGEST_LOSS_DB:
                    faithful[name] = speed_up
        rows.append(row)
    fp32 = max(rate[way] for way in ways if way == "plain" or way.endswith("float32"))
    targets = {
        "best float32 over the float32 convolution (target 1)": fp32 / rate["convolution float32"],
    }
    if faithful:
        best = max(faithful, key=lambda way: faithful[way])
        what = f"{best} over plain, at most {LARGEST_LOSS_DB} dB lost (target 5)"
        targets[what] = faithful[best]
    report("inference", f"{NAME} {SCALE}x to 1280x720", rows, targets)


if __name__ == "__main__":
    main()
