"""Whole-network inference: MS-LapSRN D5R2 with the tied upsampler, 4x, to 1280x720, by backend.

    python -m tests.benchmarks.inference [--slow]

Each way in turns, also with the last upsampler and the residual convolution as one ("folded"),
beside a large 64-to-64 convolution. "plain" is the module as torch runs it of
itself (eager, float32, NCHW), in a process of its own; "plain, memory kept" has the settings of
memory that all other ways share (:mod:`harness.system.malloc`). The convolution is measured both
ways, too. Where ``HARNESS_DATA`` holds Set5, its PSNR under each way is compared with the plain
one's; a way counts towards the target only if it loses at most ``LARGEST_LOSS_DB`` at every scale.
bf16 is left out where it is slower than float32: it takes minutes there; ``--slow`` measures it.
"""

import sys
from typing import Any

import numpy as np
import torch

from harness.backends import Forward, prepare, slowness
from harness.data.datasets import find_dataset
from harness.errors import DataError, HarnessError
from harness.jobs.quality.run import evaluate_images
from harness.metrics.protocol import PROTOCOLS
from harness.networks.load import Network
from tests.benchmarks.ratio import medians_s, report
from tests.benchmarks.untouched import convolution, network, untouched
from variants import processor
from variants.backbones.base import SRModel
from variants.fold import fold
from variants.weights.store import find_shipped

NAME, SCALE = "cms-lapsrn-conv3", 4
KEPT = "plain, memory kept"
LR = (1, 1, 180, 320)
LARGEST_LOSS_DB = 0.01
WAYS = [
    ("eager", "float32"),
    ("eager", "bfloat16"),
    ("compile", "float32"),
    ("compile", "bfloat16"),
    ("ncnn", "float32"),
    ("onnxruntime", "float32"),
    ("onnxruntime", "int8"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
]
FOLDED = " folded"


def make(way: str, scale: int = SCALE, shape: tuple[int, int, int, int] | None = None) -> Forward:
    """A way by name: ``KEPT``, or a backend and a dtype, and perhaps ``FOLDED`` behind them."""
    model: SRModel = network(NAME, scale)
    if way.endswith(FOLDED):
        model, way = fold(model), way.removesuffix(FOLDED)
    if way == KEPT:
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


def set5_psnr(way: str) -> dict[int, float] | None:
    """Mean PSNR by scale, None without Set5 or weights, or where a scale cannot be had this way."""
    try:
        images = list(find_dataset("Set5").images)
    except DataError:
        return None
    if find_shipped(NAME, SCALE) is None:
        return None
    means = {}
    for scale in (2, 4, 8):
        try:
            network = Network(make(way, scale), torch.float32, "cpu")
        except HarnessError as error:
            print(f"{way} at {scale}x: {error}")
            return None
        rows = evaluate_images(network, images, scale, PROTOCOLS["matlab_y"])
        means[scale] = float(np.mean([row["psnr_y"] for row in rows]))
    return means


def main(slow: bool = False) -> None:
    """Print each way's rate, its speed-up over plain and what it loses in PSNR.

    Args:
        slow: also in dtypes that are slower than float32 here.
    """
    y = torch.rand(LR)
    calls: dict[str, Any] = {}
    gflop: dict[str, float] = {}
    dtypes = ["float32", "bfloat16", "int8"]
    if (note := slowness(["bfloat16"], "cpu")) and not slow:
        print(f"bfloat16 is left out (--slow measures it): {note}")
        dtypes.remove("bfloat16")
    named = [f"{backend} {dtype}" for backend, dtype in WAYS if dtype in dtypes]
    for way in [KEPT, *named, *(way + FOLDED for way in named)]:
        try:
            forward = make(way, shape=LR)
        except HarnessError as error:
            print(f"{way}: {error}")
            continue
        calls[way] = lambda forward=forward: forward(y)
    ways = list(calls)
    for dtype in [dtype for dtype in dtypes if dtype != "int8"]:
        gflop[f"convolution {dtype}, memory kept"], call = convolution(dtype)
        calls[f"convolution {dtype}, memory kept"] = call
    gflop["convolution float32"] = gflop["convolution float32, memory kept"]
    with untouched(NAME, SCALE, LR) as compute:
        calls = {"plain": lambda: compute("network")} | calls
        calls["convolution float32"] = lambda: compute("convolution")
        seconds = medians_s(calls, rounds=7, warmup=2)
    of_network = 2 * network(NAME, SCALE).macs(*LR[2:]) / 1e9
    rate = {name: gflop.get(name, of_network) / seconds[name] for name in calls}
    exact = set5_psnr(KEPT)
    rows: list[dict[str, Any]] = []
    faithful: list[str] = []
    for name in calls:
        row: dict[str, Any] = {"way": name, "ms": 1000 * seconds[name], "GFLOP/s": rate[name]}
        if name in ways:
            row["speed-up over plain"] = seconds["plain"] / seconds[name]
            psnr = set5_psnr(name) if exact else None
            if exact and psnr:
                lost = {f"dB lost {scale}x": exact[scale] - psnr[scale] for scale in exact}
                row |= lost
                if max(lost.values()) <= LARGEST_LOSS_DB:
                    faithful.append(name)
        rows.append(row)
    fp32 = max(rate[way] for way in ways if way == KEPT or way.endswith("float32"))
    folded = max(rate[way] for way in ways if way.endswith("float32" + FOLDED))
    conv = "convolution float32"
    targets = {
        f"best float32 over the {conv} (target 1)": fp32 / rate[conv],
        f"best float32 over the {conv}, memory kept": fp32 / rate[f"{conv}, memory kept"],
        "the same folded, as if it were not": folded / rate[f"{conv}, memory kept"],
    }
    if faithful:
        best = min(faithful, key=lambda way: seconds[way])
        aim = 5 if processor.is_native(torch.bfloat16) else 3
        what = f"{best} over plain, at most {LARGEST_LOSS_DB} dB lost (target {aim})"
        targets[what] = seconds["plain"] / seconds[best]
        targets[f"{best} over {KEPT}"] = seconds[KEPT] / seconds[best]
    report("inference", f"{NAME} {SCALE}x to 1280x720", rows, targets, seconds.samples)


if __name__ == "__main__":
    main(slow="--slow" in sys.argv[1:])
