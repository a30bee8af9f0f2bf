"""What an executor costs per job: 1,000 jobs that do nothing, on each.

    python -m tests.benchmarks.executors [--jobs N] [--rounds N]

"start" is the time to the first record, with processes that import torch; "per job" is that of
the others, from a job's specification to its record, nothing written. Ray has two nodes of one
processor on this machine, each with processes of its own, so what it costs to send something over a
network is not in it. Ray is left out, visibly, where it is not installed.

From what Ray costs per job, a run of 10,000 jobs on 100 machines is then simulated: jobs as long as
the quality jobs in results/paper took, the longest first, sent one after the other.
"""

import argparse
import heapq
import json
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from harness.jobs.base import Job, Record
from harness.jobs.cost.models import CostResult
from harness.jobs.execute import Ending, Stopwatch, finished
from harness.jobs.executor import Executor, Opening
from harness.jobs.executors import get_executor
from tests.benchmarks.ratio import Medians, report, turns
from tests.cluster.conftest import Cluster, free_port
from tests.jobs.test_runner import cost_jobs

PAPER = Path(__file__).parents[2] / "results" / "paper" / "jobs"


def nothing(job: Job) -> Record:
    """A record without any measurement."""
    return finished(job, Stopwatch(), Ending("done", result=CostResult(params=1, macs=1)))


@contextmanager
def two_nodes() -> Iterator[str]:
    """The executor that leads to them."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), free_port())
        try:
            cluster.start("first")
            cluster.start("second")
            yield cluster.executor
        finally:
            cluster.stop()


def seconds(executor: Executor, n: int) -> tuple[float, float]:
    """To the first record, and for each of the others."""
    start = time.perf_counter()
    records = executor.completed(nothing, cost_jobs(n), [])
    next(records)
    first = time.perf_counter()
    assert sum(1 for _ in records) == n - 1
    return first - start, (time.perf_counter() - first) / (n - 1)


def simulated(durations: list[float], processors: int, cost_s: float) -> float:
    """Seconds that jobs take on so many processors, if each is sent after the one before.

    Args:
        durations: seconds of each job, in the order in which they are sent.
        processors: that take one job each.
        cost_s: between two jobs that are sent.
    """
    free = [0.0] * processors
    for number, duration in enumerate(durations):
        heapq.heapreplace(free, max(free[0], (number + 1) * cost_s) + duration)
    return max(free)


def estimate(cost_s: float, n: int = 10_000) -> dict[str, float]:
    """The run on 100 machines, for machines of several sizes: over its length without any cost."""
    records = (json.loads(path.read_text()) for path in PAPER.glob("quality-*.json"))
    known = [record["seconds"] for record in records if record["status"] == "done"]
    drawn = sorted(random.Random(0).choices(known, k=n), reverse=True)
    found = {}
    for each in (1, 2, 8, 32):
        whole, free = (simulated(drawn, 100 * each, cost) for cost in (cost_s, 0.0))
        print(
            f"100 machines of {each} processors: {whole:.0f} s, {free:.0f} s if sending were free"
        )
        found[f"{n} jobs on 100 machines of {each} processors, over free sending"] = whole / free
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    ways = {"serial": ("local", 1), "two workers": ("local", 2)}
    if find_spec("ray") is None:
        print("Ray is not installed: left out")
        measure(arguments.jobs, arguments.rounds, ways)
        return
    with two_nodes() as address:
        measure(arguments.jobs, arguments.rounds, {**ways, "Ray, two nodes": (address, 1)})


def measure(n: int, rounds: int, ways: dict[str, tuple[str, int]]) -> None:
    starts: dict[str, list[float]] = {name: [] for name in ways}
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for names in turns(ways, rounds):
        for name in names:
            text, workers = ways[name]
            module, address = get_executor(text)
            with module.open(Opening(address, workers)) as executor:
                start, each = seconds(executor, n)
            starts[name].append(start)
            samples[name].append(each)
    medians, first = Medians(samples), Medians(starts)
    rows = [
        {"executor": name, "start s": first[name], "per job ms": 1000 * medians[name]}
        for name in ways
    ]
    over = {
        f"{name}: ms per job over serial": 1000 * (medians[name] - medians["serial"])
        for name in ways
        if name != "serial"
    }
    if (ray := medians.get("Ray, two nodes")) is not None:
        over |= estimate(ray)
    report("executors", f"{n} jobs that do nothing", rows, over, samples, lower_is_better=over)


if __name__ == "__main__":
    main()
