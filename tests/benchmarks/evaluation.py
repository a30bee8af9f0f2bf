"""A quality run against the bare forward passes of the same images.

    python -m tests.benchmarks.evaluation [DATASET ...]     # default: Set14 BSDS100

Needs ``HARNESS_DATA``; takes minutes.
"""

import sys
import time

import torch

import variants
from harness.data.datasets import find_dataset
from harness.data.images import read_image
from harness.measure.quality import prepare
from harness.protocols import PROTOCOLS
from harness.stages.networks import as_network
from harness.stages.quality import evaluate_images
from tests.benchmarks.ratio import report

NAME = "ms-lapsrn"


def main(names: list[str]) -> None:
    rows = []
    whole_s = bare_s = 0.0
    for name in names:
        images = list(find_dataset(name).images)
        for scale in (2, 4, 8):
            model = variants.create_model(NAME, scale)
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            network = as_network(model, "cpu")
            samples = [prepare(read_image(p), scale, PROTOCOLS["matlab_y"]).lr_y for p in images]
            network.luma(samples[0])
            spent = {"bare": 0.0, "whole": 0.0}
            # In parts of ten images, in turns, so that drift hits both alike.
            for start in range(0, len(images), 10):
                part = slice(start, start + 10)
                clock = time.perf_counter()
                for y in samples[part]:
                    network.luma(y)
                spent["bare"] += time.perf_counter() - clock
                clock = time.perf_counter()
                evaluate_images(network, images[part], scale, PROTOCOLS["matlab_y"])
                spent["whole"] += time.perf_counter() - clock
            whole_s, bare_s = whole_s + spent["whole"], bare_s + spent["bare"]
            rows.append(
                {
                    "dataset": name,
                    "scale": scale,
                    "bare_s": spent["bare"],
                    "whole_s": spent["whole"],
                    "ratio": spent["whole"] / spent["bare"],
                }
            )
    targets = {"whole over bare (target at most 1.15)": whole_s / bare_s}
    report("evaluation", f"Quality run of {NAME} against its bare forward passes", rows, targets)


if __name__ == "__main__":
    main(sys.argv[1:] or ["Set14", "BSDS100"])
