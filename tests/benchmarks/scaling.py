"""Two processes of one thread against one process of one thread, and of two.

    python -m tests.benchmarks.scaling

Runs the quality jobs of one network on the embedded images through the executor of ``harness run``.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.ratio import report

JOBS = [
    "run",
    "--variants",
    "ms-lapsrn,cms-lapsrn-conv3",
    "--datasets",
    "embedded",
    "--only",
    "quality",
]
WAYS = {
    "one process, one thread": (1, 1),
    "one process, two threads": (1, 2),
    "two processes, one thread": (2, 1),
}


def seconds(workers: int, threads: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        command = [*JOBS, "--workers", str(workers), "--results", str(Path(folder, "r"))]
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "harness", *command],
            check=True,
            capture_output=True,
            env=environment,
        )
        return time.perf_counter() - start


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(3):
        for name, way in WAYS.items():
            times[name].append(seconds(*way))
    median = {name: sorted(values)[1] for name, values in times.items()}
    one, two, split = (median[name] for name in WAYS)
    rows = [{"way": name, "s": value} for name, value in median.items()]
    targets = {
        "two processes over one, one thread each (target 1.8)": one / split,
        "two processes over one of two threads (target at least 1)": two / split,
    }
    report("scaling", "Scaling of the quality run", rows, targets)


if __name__ == "__main__":
    main()
