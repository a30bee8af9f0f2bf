"""A finished run with the records of ``results/paper``, as this machine would have made them."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.pictures.kind import KIND as PICTURES
from harness.jobs.plan import make_plan, plan_further
from harness.jobs.store import ResultsFolder

MEASURED = Path(__file__).parents[2] / "results" / "paper"


def finish(config: RunConfig) -> int:
    """Fill the configuration's results folder with a record for every job of its plan.

    What was measured is taken from ``results/paper`` and filed under the ids that the jobs have
    here and now, with other hardware, datasets and weights. The figures belong to other jobs, so
    this is for timing alone.

    Returns:
        How many jobs there are.
    """
    folder, measured = ResultsFolder(config.results), ResultsFolder(MEASURED)
    sources = [r for r in measured.read().values() if r.status == "done"]
    if not sources:
        raise SystemExit(f"{MEASURED} holds no records to make a finished run of")
    plan = make_plan(config)
    records: dict[str, Record] = {}

    def adopt(job: Job) -> None:
        record = replace(_closest(job, sources), id=job.id, spec=job.spec, job_id=job.id)
        records[job.id] = record
        folder.write(record)

    with folder.locked():
        for job in plan.jobs:
            adopt(job)
        pictures = plan_further(PICTURES, config, plan, records)
        for job in pictures:
            adopt(job)
        if pictures:
            shutil.copytree(MEASURED / "pictures", config.results / "pictures")
    return len(plan.jobs)


def _closest(job: Job, records: list[Record]) -> Record:
    """The record that agrees with a job in most of what a table's cell is known by."""

    def cell(one: Job | Record) -> tuple[Any, ...]:
        names = one.spec.names()
        return one.kind, names[2:], one.spec.scale, one.spec.variant.name

    wanted = cell(job)

    def agreement(record: Record) -> list[bool]:
        found = cell(record)
        return [a == b for a, b in zip(found, wanted, strict=True)]

    return max(records, key=agreement)
