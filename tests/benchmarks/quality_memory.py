"""Peak of memory of a quality run over more and more images.

    python -m tests.benchmarks.quality_memory [--variant NAME] [COUNT ...]     # default: 60 180 360

``harness run`` in a process of its own, over so many pictures of a megapixel; with bicubic
interpolation, unless a network is named, which takes 4 s per picture. What is kept of them is
bounded, and full after 45.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.benchmarks.alone import harness_alone
from tests.benchmarks.ratio import report

SIZE = (800, 1200)


def make_pictures(folder: Path, count: int) -> None:
    """Pictures of noise, each of its own."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        pixels = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png", compress_level=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", default="bicubic")
    parser.add_argument("counts", nargs="*", type=int, default=[60, 180, 360])
    arguments = parser.parse_args()
    variant, counts = arguments.variant, arguments.counts
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        for count in counts:
            images, out = Path(name, f"images{count}"), Path(name, f"out{count}")
            make_pictures(images, count)
            run = harness_alone(
                *("run", "--variants", variant, "--dataset", f"noise={images}"),
                *("--only", "quality", "--pictures", ""),
                *("--results", str(out), "--report", str(out / "report")),
            )
            rows.append({"images": count, "s": run.seconds, "peak_mb": run.peak_bytes / 1e6})
    growth = rows[-1]["peak_mb"] / rows[0]["peak_mb"]
    what = f"peak of {counts[-1]} images over that of {counts[0]} (target 1)"
    title = f"Memory: a quality run of {variant} at three scales, images of 1200x800"
    report(f"quality_memory_{variant}", title, rows, {what: growth}, lower_is_better=[what])


if __name__ == "__main__":
    main()
