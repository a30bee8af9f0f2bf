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
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.images.decode import read_image
from harness.jobs.executors.local import SerialExecutor
from harness.jobs.quality.samples import CACHE
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.sample import prepare
from harness.networks.load import Network, load_ready_network
from tests.benchmarks.quality_run import execute, plan
from tests.benchmarks.ratio import Medians, report, turns
from variants.catalog import SCALES

NAME, PROTOCOL = "ms-lapsrn", PROTOCOLS["matlab_y"]
WAYS = ("bare", "cold", "warm")


def whole(dataset: str, scale: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        execute(plan([NAME], [dataset], results, [scale]), results, SerialExecutor())


def measure(dataset: str, rounds: int) -> Medians:
    """Seconds of each way at each scale; networks and runs take turns."""
    calls: dict[str, Callable[[], None]] = {}
    for job in plan([NAME], [dataset], Path("unused")):
        scale = job.spec.scale
        network = load_ready_network(job.spec, job.inputs["weights"], "cpu")
        paths = map(Path, job.inputs["images"])
        lumas = [prepare(read_image(path), scale, PROTOCOL).lr_y for path in paths]
        run = partial(whole, dataset, scale)
        for way, call in zip(WAYS, (partial(bare, network, lumas), run, run), strict=True):
            calls[name_of(dataset, scale, way)] = call
    samples: dict[str, list[float]] = {name: [] for name in calls}
    # One round of warm-up: every shape has then been seen by either side.
    for number, order in enumerate(turns(("bare", "cold warm"), rounds + 1)):
        for ways in order:
            CACHE.clear()
            for scale, way in product(SCALES, ways.split()):
                name = name_of(dataset, scale, way)
                start = time.perf_counter()
                calls[name]()
                if number:
                    samples[name].append(time.perf_counter() - start)
    CACHE.clear()
    return Medians(samples)


def name_of(dataset: str, scale: int, way: str) -> str:
    return f"{dataset} {scale}x {way}"


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
            seconds = {way: medians[name_of(dataset, scale, way)] for way in WAYS}
            for way in WAYS:
                sums[way] += seconds[way]
            rows.append({"dataset": dataset, "scale": scale, **row(seconds)})
    rows.append({"dataset": "all", **row(sums)})
    targets = {
        "cold over bare (target at most 1.15)": sums["cold"] / sums["bare"],
        "warm over bare (target at most 1.15)": sums["warm"] / sums["bare"],
    }
    title = f"Quality run of {NAME} against its bare forward passes"
    report("evaluation", title, rows, targets, samples, lower_is_better=targets)


if __name__ == "__main__":
    main()
