"""Whole-network inference: MS-LapSRN D5R2 with the tied upsampler, 4x, to 1280x720, by backend.

    python -m tests.benchmarks.inference

Each way in turns, beside a large 64-to-64 convolution in the same dtype. "plain" is torch as it
comes: eager, float32, NCHW. Where ``HARNESS_DATA`` holds Set5, its PSNR under each way is compared
with plain's.
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
WAYS = [
    ("eager", "float32"),
    ("eager", "bfloat16"),
    ("compile", "float32"),
    ("compile", "bfloat16"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
]


def network(channels_last: bool, scale: int = SCALE) -> SRModel:
    shipped = find_shipped(NAME, scale) is not None
    model = variants.create_model(NAME, scale, pretrained=shipped)
    if channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def convolution(dtype: str) -> tuple[float, Any]:
    conv = torch.nn.Conv2d(64, 64, 3, padding=1).to(getattr(torch, dtype))
    conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.rand(1, 64, 720, 1280).to(getattr(torch, dtype))
    x = x.to(memory_format=torch.channels_last)

    def call() -> object:
        with torch.inference_mode():
            return conv(x)

    return 2 * 9 * 64 * 64 * 720 * 1280 / 1e9, call


def set5_psnr(backend: str, dtype: str, channels_last: bool) -> dict[int, float] | None:
    """Mean PSNR by scale, None without Set5 or weights."""
    try:
        images = list(find_dataset("Set5").images)
    except DataError:
        return None
    if find_shipped(NAME, SCALE) is None:
        return None
    means = {}
    for scale in (2, 4, 8):
        forward = prepare(network(channels_last, scale), backend, dtype, "cpu")
        rows = evaluate_images(
            Network(forward, torch.float32, "cpu"), images, scale, PROTOCOLS["matlab_y"]
        )
        means[scale] = float(np.mean([row["psnr_y"] for row in rows]))
    return means


def main() -> None:
    y = torch.rand(LR)
    calls: dict[str, Any] = {}
    gflop: dict[str, float] = {}
    forwards: dict[str, tuple[str, str, bool]] = {"plain": ("eager", "float32", False)}
    forwards |= {f"{backend} {dtype}": (backend, dtype, True) for backend, dtype in WAYS}
    for name, (backend, dtype, channels_last) in list(forwards.items()):
        try:
            forward: Forward = prepare(network(channels_last), backend, dtype, "cpu", LR)
        except BackendUnavailableError as error:
            print(f"{name}: {error}")
            del forwards[name]
            continue
        calls[name] = lambda forward=forward: forward(y)
        gflop[name] = 2 * network(True).macs(*LR[2:]) / 1e9
    for dtype in ("float32", "bfloat16"):
        gflop[f"convolution {dtype}"], calls[f"convolution {dtype}"] = convolution(dtype)
    seconds = medians_s(calls, rounds=5, warmup=2)
    rate = {name: gflop[name] / seconds[name] for name in calls}
    exact = set5_psnr(*forwards["plain"])
    rows: list[dict[str, Any]] = []
    for name in calls:
        row: dict[str, Any] = {"way": name, "ms": 1000 * seconds[name], "GFLOP/s": rate[name]}
        if name in forwards:
            row["speed-up over plain"] = seconds["plain"] / seconds[name]
            psnr = set5_psnr(*forwards[name]) if exact else None
            if exact and psnr:
                row |= {f"dB lost {scale}x": exact[scale] - psnr[scale] for scale in exact}
        rows.append(row)
    fp32 = max(rate[name] for name in forwards if name.endswith("float32"))
    targets = {
        "best float32 over the float32 convolution (target 1)": fp32 / rate["convolution float32"],
        "best over plain (target 5)": max(seconds["plain"] / seconds[name] for name in forwards),
    }
    report("inference", f"{NAME} {SCALE}x to 1280x720", rows, targets)


if __name__ == "__main__":
    main()
