"""The quality phase of a run: planned as ``harness run`` does, executed by its runner."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from harness.config import SCALES, RunConfig
from harness.jobs import Job, Record
from harness.plan import make_plan
from harness.results import ResultsFolder
from harness.runner import Runner


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
    return make_plan(config).quality


def execute(jobs: Sequence[Job], results: Path, executor: Executor) -> None:
    """Measure the jobs and store their records and tables."""
    folder = ResultsFolder(results)
    with folder.locked():
        Runner(folder, executor, Silent()).run(jobs)
