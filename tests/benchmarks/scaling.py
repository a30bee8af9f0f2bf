"""Two processes of one thread against one process of one thread, and of two.

    python -m tests.benchmarks.scaling [--rounds N] [DATASET ...]    # default: Set14 BSDS100

The quality phase of a run, through the executor of ``harness run``: from the plan to the last
record, with the start of the workers, without planning and report. Each way is a process of its
own, started with its number of threads. Without ``HARNESS_DATA`` on the embedded images.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.data.datasets import find_dataset
from harness.errors import DataError
from harness.runner import make_executor
from harness.stages.workers import THREAD_VARIABLES
from tests.benchmarks.quality_run import execute, plan
from tests.benchmarks.ratio import Medians, report, turns

NAMES = ("ms-lapsrn", "cms-lapsrn-conv3")
WAYS = {
    "one process, one thread": (1, 1),
    "one process, two threads": (1, 2),
    "two processes, one thread": (2, 1),
}


def quality_phase(datasets: list[str], workers: int) -> float:
    """Seconds from the plan to the last record, in this process and its workers."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        jobs = plan(NAMES, datasets, results)
        start = time.perf_counter()
        with make_executor(workers) as executor:
            execute(jobs, results, executor)
        return time.perf_counter() - start


def in_a_process(datasets: list[str], workers: int, threads: int) -> float:
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
    command = [sys.executable, "-m", __spec__.name, "--workers", str(workers), *datasets]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    return float(json.loads(done.stdout))


def found(names: list[str]) -> list[str]:
    try:
        for name in names:
            find_dataset(name)
    except DataError as error:
        print(f"{error} The embedded images are taken.", file=sys.stderr)
        return ["embedded"]
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    parser.add_argument("datasets", nargs="*", default=["Set14", "BSDS100"])
    arguments = parser.parse_args()
    datasets = found(arguments.datasets)
    if arguments.workers:
        print(json.dumps(quality_phase(datasets, arguments.workers)))
        return
    samples: dict[str, list[float]] = {name: [] for name in WAYS}
    for names in turns(WAYS, arguments.rounds):
        for name in names:
            samples[name].append(in_a_process(datasets, *WAYS[name]))
    seconds = Medians(samples)
    one, two, split = (seconds[name] for name in WAYS)
    targets = {
        "two processes over one, one thread each (target 1.8)": one / split,
        "two processes over one of two threads (target at least 1)": two / split,
    }
    rows = [{"way": name, "s": value} for name, value in seconds.items()]
    title = f"Scaling of the quality run of {', '.join(NAMES)} on {', '.join(datasets)}"
    report("scaling", title, rows, targets, samples)


if __name__ == "__main__":
    main()
