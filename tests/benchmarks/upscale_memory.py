"""Peak memory of `harness upscale` on a picture of 50 megapixels.

    python -m tests.benchmarks.upscale_memory [--minutes M] [SCALE ...]    # default: 2 4

Bicubic interpolation and a network, each in a process of its own. On two cores the network takes
minutes at 2x, half an hour at 4x and hours at 8x; ``--minutes`` interrupts each after so many. Once
a second row of tiles is under way, nothing new comes that takes memory.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.benchmarks.alone import Run, harness_alone
from tests.benchmarks.ratio import report

FIFTY_MEGAPIXELS = (5792, 8688)
LIMIT_MB = 2000
WAYS = [
    ("bicubic", "png", []),
    ("bicubic", "tif", []),
    ("cms-lapsrn-conv3", "png", []),
    ("cms-lapsrn-conv3", "png", ["--dtype", "bf16"]),
]


def make_photo(path: Path, height: int, width: int) -> None:
    """A picture with gradients and grain."""
    rng = np.random.default_rng(0)
    image = Image.new("RGB", (width, height))
    across = np.linspace(20, 220, width).astype(np.uint8)[:, None]
    for top in range(0, height, 64):
        rows = min(64, height - top)
        grain = rng.integers(0, 16, (rows, width, 3), dtype=np.uint8)
        image.paste(Image.fromarray(grain + across), (0, top))
    image.save(path)


def upscale_alone(source: Path, target: Path, *options: str, limit_s: int = 0) -> Run:
    """``harness upscale`` on the CPU; see :func:`harness_alone`."""
    files = ("upscale", str(source), "-o", str(target), "--device", "cpu")
    return harness_alone(*files, *options, limit_s=limit_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=0)
    parser.add_argument("scales", nargs="*", default=["2", "4"])
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.jpg")
        make_photo(photo, *FIFTY_MEGAPIXELS)
        for scale in arguments.scales:
            for variant, suffix, options in WAYS:
                target = Path(folder, f"out.{suffix}")
                run = upscale_alone(
                    *(photo, target, "--variant", variant, "--scale", scale, *options),
                    limit_s=60 * arguments.minutes,
                )
                rows.append(
                    {
                        "variant": " ".join([variant, *options]),
                        "scale": int(scale),
                        "format": suffix,
                        "s": run.seconds,
                        "peak_mb": run.peak_bytes / 1e6,
                        "interrupted": None if run.whole else "yes",
                        "file_mb": target.stat().st_size / 1e6 if run.whole else None,
                    }
                )
                target.unlink(missing_ok=True)
    worst = max(row["peak_mb"] for row in rows)
    share = {f"largest peak over {LIMIT_MB} MB (target below 1)": worst / LIMIT_MB}
    title = "Memory: upscaling 50 megapixels"
    report("upscale_memory", title, rows, share, lower_is_better=share)


if __name__ == "__main__":
    main()
