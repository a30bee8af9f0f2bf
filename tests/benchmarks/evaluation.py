"""A quality run against the bare forward passes of the same images.

    python -m tests.benchmarks.evaluation [--rounds N] [DATASET ...]     # default: Set14 BSDS100

"bare" is the network alone on LR luma that was prepared before. "cold" and "warm" are whole
quality jobs as ``harness run`` executes them, into an empty results folder: planning with the
images' hashes, loading the weights, decoding, resizing, the network, scoring, records and tables;
only the report is left out. "cold" begins with an empty cache of prepared images; "warm" is what
the next network on the same images takes.

Needs ``HARNESS_DATA``; takes minutes.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.data.images import read_image
from harness.measure.quality import prepare
from harness.protocols import PROTOCOLS
from harness.runner import SerialExecutor
from harness.stages.networks import load_ready_network
from harness.stages.samples import CACHE
from tests.benchmarks.quality_run import execute, plan
from tests.benchmarks.ratio import Medians, medians_s, report

NAME, PROTOCOL = "ms-lapsrn", PROTOCOLS["matlab_y"]


def whole(dataset: str, scale: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        execute(plan([NAME], [dataset], results, [scale]), results, SerialExecutor())


def measure(dataset: str, scale: int, rounds: int) -> Medians:
    """Seconds of each way, in turns."""
    (job,) = plan([NAME], [dataset], Path("unused"), [scale])
    network = load_ready_network(job.spec, job.inputs["weights"], "cpu")
    lumas = [prepare(read_image(Path(p)), scale, PROTOCOL).lr_y for p in job.inputs["images"]]

    def bare() -> None:
        for y in lumas:
            network.luma(y)

    def cold() -> None:
        CACHE.clear()
        whole(dataset, scale)

    def warm() -> None:
        whole(dataset, scale)

    # One round of warm-up: every shape has then been seen by either side, and the cache is full.
    calls = {"bare": bare, "cold": cold, "warm": warm}
    medians = medians_s(calls, rounds=rounds, warmup=1)
    CACHE.clear()
    return medians


def row(seconds: Mapping[str, float]) -> dict[str, float]:
    ratios = {f"{way} over bare": seconds[way] / seconds["bare"] for way in ("cold", "warm")}
    return {f"{way}_s": seconds[way] for way in seconds} | ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("datasets", nargs="*", default=["Set14", "BSDS100"])
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    samples: dict[str, list[float]] = {}
    sums = dict.fromkeys(("bare", "cold", "warm"), 0.0)
    for dataset in arguments.datasets:
        for scale in (2, 4, 8):
            seconds = measure(dataset, scale, arguments.rounds)
            for way, values in seconds.samples.items():
                samples[f"{dataset} {scale}x {way}"] = values
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
