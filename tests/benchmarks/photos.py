"""Upscaling a photo of 12 megapixels 2x: the whole command against the bare network.

    python -m tests.benchmarks.photos [--megapixels N] [--rounds N]

"bare" is the network alone, in memory, over windows of a megapixel of output side by side, as many
pixels as the photo has: no margins, no decoding, no colour, no encoding. "script" is what somebody
would write around the exported network in a few lines of OpenVINO and Pillow: the same windows, and
seams where they meet. ``harness upscale`` is a process of its own from its start to the file.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from harness.backends import slowness
from harness.networks.export import export
from harness.system.cache import CACHE_VARIABLE
from tests.benchmarks.alone import harness_alone
from tests.benchmarks.inference import NAME, make
from tests.benchmarks.ratio import medians_s, report
from tests.benchmarks.untouched import network
from tests.benchmarks.upscale_memory import make_photo

SCALE, WINDOW = 2, 512
"""LR pixels on a side of a window; 1024 of HR."""


def bare(way: str, windows: int) -> Callable[[], None]:
    """The network alone over so many windows, by a backend and a dtype."""
    forward = make(way, SCALE, (1, 1, WINDOW, WINDOW))
    y = torch.rand(1, 1, WINDOW, WINDOW)

    def call() -> None:
        for _ in range(windows):
            forward(y)

    return call


def script(photo: Path, model: Path, out: Path) -> Callable[[], None]:
    """Luma by OpenVINO, window by window, the rest by Pillow; ImportError without OpenVINO."""
    import openvino

    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": torch.get_num_threads()})

    def call() -> None:
        compiled = core.compile_model(core.read_model(model), "CPU")
        y, cb, cr = Image.open(photo).convert("YCbCr").split()
        size = (SCALE * y.width, SCALE * y.height)
        luma = np.asarray(y, np.float32) / 255
        large = np.empty(size[::-1], np.uint8)
        for top in range(0, y.height, WINDOW):
            for left in range(0, y.width, WINDOW):
                part = luma[top : top + WINDOW, left : left + WINDOW]
                (found,) = compiled([part[None, None]]).to_tuple()
                pixels = (255 * found[0, 0].clip(0, 1) + 0.5).astype(np.uint8)
                height, width = pixels.shape
                at = (slice(SCALE * top, None), slice(SCALE * left, None))
                large[at][:height, :width] = pixels
        planes = [
            Image.fromarray(large),
            *(c.resize(size, Image.Resampling.BICUBIC) for c in (cb, cr)),
        ]
        Image.merge("YCbCr", planes).convert("RGB").save(out, compress_level=1)

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    height = round((arguments.megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(arguments.megapixels * 1e6 / height)
    windows = height * width / WINDOW**2
    dtypes = {"fp32": "float32"}
    if not slowness(["bfloat16"], "cpu"):
        dtypes["bf16"] = "bfloat16"
    calls: dict[str, Callable[[], Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ[CACHE_VARIABLE] = str(folder / "cache")
        photo, out = folder / "photo.jpg", folder / "out.png"
        make_photo(photo, height, width)

        def upscale(*options: str) -> None:
            named = ("--variant", NAME, "--scale", str(SCALE), "--device", "cpu")
            harness_alone("upscale", str(photo), "-o", str(out), *named, *options)

        for short, dtype in dtypes.items():
            calls[f"bare {dtype}"] = bare(f"eager {dtype}", round(windows))
            calls[f"upscale {dtype}"] = partial(upscale, "--backend", "eager", "--dtype", short)
        calls["upscale"] = upscale
        model = folder / "x2.onnx"
        try:
            export(network(NAME, SCALE), model)
            calls["script"] = script(photo, model, folder / "script.png")
        except ImportError as error:
            print(f"the script is left out: {error}")
        upscale()  # Measures which way is the fastest.
        seconds = medians_s(calls, rounds=arguments.rounds, warmup=0)
    megapixels = SCALE**2 * height * width / 1e6
    whole = round(windows) / windows
    rows = [
        {"way": way, "s": s, "MP/s of output": megapixels / s * (whole if "bare" in way else 1)}
        for way, s in seconds.items()
    ]
    ratios = {
        f"upscale over the bare network, {dtype} (target at most 1.1)": seconds[f"upscale {dtype}"]
        / (seconds[f"bare {dtype}"] / whole)
        for dtype in dtypes.values()
    }
    named = [f"upscale {dtype}" for dtype in dtypes.values()]
    ratios["upscale by default over the fastest eager one"] = seconds["upscale"] / min(
        seconds[way] for way in named
    )
    if "script" in seconds:
        ratios["upscale by default over a script with OpenVINO"] = (
            seconds["upscale"] / seconds["script"]
        )
    title = f"{NAME} 2x, a photo of {arguments.megapixels:g} megapixels"
    report("photos", title, rows, ratios, seconds.samples, lower_is_better=ratios)


if __name__ == "__main__":
    main()
