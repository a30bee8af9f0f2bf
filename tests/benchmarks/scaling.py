"""Two processes of one thread against one process of one thread, and of two.

    python -m tests.benchmarks.scaling [--rounds N] [DATASET ...]    # default: Set14 BSDS100

The quality phase of a run, through the executor of ``harness run``: whole processes, from their
start to their end, with planning, workers, records and tables, without report. Each way has its
number of threads from the start. The pipeline around the network (decoding, resizing, scoring) uses
whatever processors a process may use; each of two workers is bound to one, so one process bound to
one processor is measured, too. Without ``HARNESS_DATA`` on the embedded images.
"""

import argparse
import os
import subprocess
import sys
import time

from harness.data.datasets import find_dataset
from harness.errors import DataError
from harness.jobs.workers import THREAD_VARIABLES
from tests.benchmarks.ratio import Medians, report, turns

NAMES = ("ms-lapsrn", "cms-lapsrn-conv3")
WAYS = {
    "one process, one thread": (1, 1, None),
    "one process, one thread, one processor": (1, 1, 1),
    "one process, two threads": (1, 2, None),
    "two processes, one thread": (2, 1, None),
}


def seconds(datasets: list[str], workers: int, threads: int, cpus: int | None) -> float:
    """Wall time of a process that does the quality phase."""
    command = [sys.executable, "-m", "tests.benchmarks.quality_run", str(workers)]
    allowed = os.sched_getaffinity(0)
    start = time.perf_counter()
    try:
        # The child inherits it.
        os.sched_setaffinity(0, sorted(allowed)[:cpus])
        process = subprocess.Popen(
            [*command, ",".join(NAMES), *datasets],
            env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))},
        )
    finally:
        os.sched_setaffinity(0, allowed)
    if process.wait():
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - start


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
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("datasets", nargs="*", default=["Set14", "BSDS100"])
    arguments = parser.parse_args()
    datasets = found(arguments.datasets)
    samples: dict[str, list[float]] = {name: [] for name in WAYS}
    for names in turns(WAYS, arguments.rounds):
        for name in names:
            samples[name].append(seconds(datasets, *WAYS[name]))
    medians = Medians(samples)
    one, bound, two, split = (medians[name] for name in WAYS)
    targets = {
        "two processes over one, one thread each (target 1.8)": one / split,
        "two processes over one, each bound to a processor": bound / split,
        "two processes over one of two threads (target at least 1)": two / split,
    }
    rows = [{"way": name, "s": value} for name, value in medians.items()]
    title = f"Scaling of the quality run of {', '.join(NAMES)} on {', '.join(datasets)}"
    report("scaling", title, rows, targets, samples)


if __name__ == "__main__":
    main()
