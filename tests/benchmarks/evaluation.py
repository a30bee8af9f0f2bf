"""A quality run against the bare forward passes of the same images.

    python -m tests.benchmarks.evaluation [--rounds N] [DATASET ...]     # default: Set14 BSDS100

"bare" is the network alone on LR luma that was prepared before. "cold" and "warm" are whole
quality jobs as ``harness run`` executes them, into an empty results folder: planning with the
images' hashes, loading the weights, decoding, resizing, the network, scoring, records and tables;
only the report is left out. "cold" is a dataset's first network, which goes through the scales
with nothing cached in the beginning; "warm" is what the next network takes, which follows it at
each scale.

Needs ``HARNESS_DATA``; takes minutes.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.config import SCALES
from harness.data.images import read_image
from harness.measure.quality import prepare
from harness.protocols import PROTOCOLS
from harness.runner import SerialExecutor
from harness.stages.networks import Network, load_ready_network
from harness.stages.samples import CACHE
from tests.benchmarks.quality_run import execute, plan
from tests.benchmarks.ratio import Medians, report, turns

NAME, PROTOCOL = "ms-lapsrn", PROTOCOLS["matlab_y"]
WAYS = ("bare", "cold", "warm")


def whole(dataset: str, scale: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        execute(plan([NAME], [dataset], results, [scale]), results, SerialExecutor())


def measure(dataset: str, rounds: int) -> Medians:
    """Seconds of each way at each scale; networks and runs take turns."""
    passes: dict[int, Callable[[], None]] = {}
    for scale in SCALES:
        (job,) = plan([NAME], [dataset], Path("unused"), [scale])
        network = load_ready_network(job.spec, job.inputs["weights"], "cpu")
        images = [read_image(Path(path)) for path in job.inputs["images"]]
        lumas = [prepare(image, scale, PROTOCOL).lr_y for image in images]
        passes[scale] = partial(bare, network, lumas)
    samples: dict[str, list[float]] = {
        f"{dataset} {scale}x {way}": [] for scale in SCALES for way in WAYS
    }
    # One round of warm-up: every shape has then been seen by either side.
    for number, order in enumerate(turns(("bare", "run"), rounds + 1)):
        for name in order:
            CACHE.clear()
            for scale in SCALES:
                run = partial(whole, dataset, scale)
                calls = {"bare": passes[scale]} if name == "bare" else {"cold": run, "warm": run}
                for way, call in calls.items():
                    start = time.perf_counter()
                    call()
                    if number:
                        seconds = time.perf_counter() - start
                        samples[f"{dataset} {scale}x {way}"].append(seconds)
    CACHE.clear()
    return Medians(samples)


def bare(network: Network, lumas: list[NDArray[np.float64]]) -> None:
    for y in lumas:
        network.luma(y)


def row(seconds: Mapping[str, float]) -> dict[str, float]:
    ratios = {f"{way} over bare": seconds[way] / seconds["bare"] for way in ("cold", "warm")}
    return {f"{way}_s": seconds[way] for way in seconds} | ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("datasets", nargs="*", default=["Set14", "BSDS100"])
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    samples: dict[str, list[float]] = {}
    sums = dict.fromkeys(WAYS, 0.0)
    for dataset in arguments.datasets:
        medians = measure(dataset, arguments.rounds)
        samples |= medians.samples
        for scale in SCALES:
            seconds = {way: medians[f"{dataset} {scale}x {way}"] for way in WAYS}
            for way in WAYS:
                sums[way] += seconds[way]
            rows.append({"dataset": dataset, "scale": scale, **row(seconds)})
    rows.append({"dataset": "all", **row(sums)})
    targets = {
        "cold over bare (target at most 1.15)": sums["cold"] / sums["bare"],
        "warm over bare (target at most 1.15)": sums["warm"] / sums["bare"],
    }
    title = f"Quality run of {NAME} against its bare forward passes"
    report("evaluation", title, rows, targets, samples)


if __name__ == "__main__":
    main()
