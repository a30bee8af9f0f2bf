"""The quality phase of a run: planned as ``harness run`` does, executed by its runner.

    python -m tests.benchmarks.quality_run WORKERS VARIANT,... DATASET ...

runs it, into a folder that is dropped.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.executor import Executor
from harness.jobs.executors.local import make_executor
from harness.jobs.plan import make_plan
from harness.jobs.runner import Runner
from harness.jobs.store import ResultsFolder
from harness.system.malloc import ask_for_large_pages
from variants.catalog import SCALES


class Silent:
    """Progress that tells nobody, and stops at the first job that is not done."""

    def update(self, job: Job, record: Record, reused: bool) -> None:
        assert record.status == "done", f"{job.title}: {record.reason}"


def plan(
    variants: Sequence[str],
    datasets: Sequence[str],
    results: Path,
    scales: Sequence[int] = SCALES,
) -> list[Job]:
    """The quality jobs."""
    config = RunConfig(
        variants=tuple(variants),
        scales=tuple(scales),
        datasets=tuple(datasets),
        only=("quality",),
        device="cpu",
        results=results,
    )
    return make_plan(config).jobs


def execute(jobs: Sequence[Job], results: Path, executor: Executor) -> None:
    """Measure the jobs and store their records and tables."""
    folder = ResultsFolder(results)
    with folder.locked():
        Runner(folder, executor, Silent()).run(jobs)


def main() -> None:
    ask_for_large_pages()
    workers, variants, *datasets = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, make_executor(int(workers)) as executor:
        jobs = plan(variants.split(","), datasets, Path(folder))
        execute(jobs, Path(folder), executor)


if __name__ == "__main__":
    main()
