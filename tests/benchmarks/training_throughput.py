"""How near training comes to the speed of one bare convolution on the same machine.

``python -m tests.benchmarks.training_throughput [--variant NAME] [--recipe NAME] [--rows N]``

Training's throughput is three times the forward MACs (forward, gradient of the input, gradient
of the weights) of a step over its time, with everything that a step does: patches, loss, clipping,
optimisers, averaged weights. The bare convolution, 64 to 64 channels, 3x3, runs forward and
backward on the batch and size of each pyramid level, in the same precision and memory layout, in
turn with the training rows so that both see the same machine.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.training.engine import make_fabric, wants_bf16
from harness.training.log import read_log
from harness.training.loop import LOG_NAME, Loop
from harness.training.patches import PatchBank
from harness.training.recipe import Recipe, load_recipe
from tests.benchmarks.ratio import report
from variants.build import build
from variants.catalog import get_variant
from variants.kernels import fast_kernels

STEPS_PER_ROW = 10
TARGET = 0.7


def conv_seconds(images: int, side: int, device: torch.device, bf16: bool) -> float:
    """Time of one forward and backward pass of the bare convolution, in seconds."""
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1).to(device)
    dtype = torch.bfloat16 if bf16 else torch.float32
    x = torch.rand(images, 64, side, side, device=device, dtype=dtype)
    x = x.to(memory_format=torch.channels_last).requires_grad_()
    gradient = torch.ones_like(x)

    def once() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            y = convolution(x)
        y.backward(gradient)

    for _ in range(3):
        once()
    _wait(device)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        once()
        _wait(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def training_seconds(name: str, scale: int, recipe: Recipe, rows: int, device: str) -> list[float]:
    """Times of one training step, in seconds; the first row, which warms up, is left out."""
    steps = STEPS_PER_ROW * (rows + 1)
    changes = {"steps": steps, "log_every": STEPS_PER_ROW, "validate_every": steps}
    recipe = recipe.model_copy(update=changes)
    random = np.random.default_rng(0)
    variant = get_variant(name)
    bank = PatchBank([random.random((320, 480)) for _ in range(8)], (1.0,), 16)
    with tempfile.TemporaryDirectory() as folder, fast_kernels():
        Loop(
            build(variant, scale if variant.per_scale_weights else 8),
            recipe,
            trained=[scale],
            validated=[scale],
            bank=bank,
            held_out=[],
            folder=Path(folder),
            identity="",
            belongs={},
            fabric=make_fabric(device),
            title="",
            shown=False,
        ).run()
        rates = [float(row["images_per_s"]) for row in read_log(Path(folder) / LOG_NAME)[1:]]
    return [recipe.batches[scale].images / rate for rate in rates]  # type: ignore[index]


def main() -> int:
    """Per scale: training, bare convolution, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", default="ms-lapsrn")
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--rows", type=int, default=5, help=f"of {STEPS_PER_ROW} steps each")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe)
    device = make_fabric(arguments.device).device
    bf16 = wants_bf16(recipe.precision, device.type)
    rows: list[dict[str, Any]] = []
    samples: dict[str, list[float]] = {}
    for scale, batch in recipe.batches.items():
        sides = [batch.patch // scale << level for level in range(scale.bit_length() - 1)]
        before = [conv_seconds(batch.images, side, device, bf16) for side in sides]
        steps = training_seconds(arguments.variant, scale, recipe, arguments.rows, arguments.device)
        after = [conv_seconds(batch.images, side, device, bf16) for side in sides]
        network = build(get_variant(arguments.variant), scale)
        macs = 3 * batch.images * network.macs(sides[0], sides[0])
        level_macs = [9 * 64 * 64 * side**2 for side in sides]
        # The time in which convolutions alone, as fast as the bare one, would do these MACs.
        convolution = sum(min(pair) for pair in zip(before, after, strict=True))
        ideal = convolution * macs / (3 * batch.images * sum(level_macs))
        samples[f"{scale}x step"] = steps
        step = statistics.median(steps)
        rows.append(
            {
                "scale": scale,
                "patches": f"{batch.images} of {batch.patch}",
                "step_ms": 1e3 * step,
                "training GMAC/s": macs / step / 1e9,
                "convolution GMAC/s": macs / ideal / 1e9,
                "ratio": ideal / step,
            }
        )
    kind = "bf16" if bf16 else "float32"
    title = f"Training {arguments.variant} against a bare convolution, {device}, {kind}"
    ratios = {f"{row['scale']}x (target {TARGET})": row["ratio"] for row in rows}
    report("training_throughput", title, rows, ratios, samples)
    return 0


if __name__ == "__main__":
    sys.exit(main())
