"""The main job: plan, execute, collate, report."""

import time
from collections import Counter
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from harness.data.datasets import data_root
from harness.errors import HarnessError
from harness.jobs.base import JobKind, Record
from harness.jobs.command import command_of
from harness.jobs.config import RunConfig
from harness.jobs.executor import Executor, Opening
from harness.jobs.executors import get_executor
from harness.jobs.kinds import kinds
from harness.jobs.plan import Plan, expected_further, make_plan, plan_further
from harness.jobs.progress import JobProgress
from harness.jobs.runner import Outcome, Runner
from harness.jobs.store import FINAL, ResultsFolder
from harness.networks.authors import authors_weights, released_for
from harness.report.rendered import fingerprint, mark_rendered, rendered
from harness.system.environment import describe, git_commit
from harness.system.text import plural, say
from harness.training.missing import train_missing

EXIT_JOB_FAILED = 1
FURTHER_S = 1.0
"""A job that builds on another, such as pictures, takes this long, to about a factor of two."""


def run(config: RunConfig, fresh: bool = False) -> int:
    """Measure what the configuration asks for and render the report, unless it is there already.

    Args:
        config: see :class:`RunConfig`.
        fresh: drop the records of this plan's jobs first.

    Returns:
        The exit code: 0, or 1 if a job failed.

    Raises:
        HarnessError: before anything is measured if the configuration cannot be met; later if
            results cannot be stored.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    folder = ResultsFolder(config.results)
    asked = config  # The command that repeats the run adds by itself what is added here.
    with folder.locked(), _opened(config) as executor:
        if config.train == "missing":
            config = train_missing(config)
        if config.authors_weights:
            config = with_authors_weights(config)
        plan = make_plan(config, executor.machine(config.device))
        _tell_plan(plan, config)
        if fresh:
            _forget(folder, plan)
        # Written first as well, so that a report on an interrupted run knows its setting.
        folder.write_run(_description(plan, asked, Outcome(), started, 0.0), plan.jobs)
        outcome = _execute(plan, config, folder, executor)
        seconds = time.perf_counter() - clock
        folder.write_run(_description(plan, asked, outcome, started, seconds), plan.jobs)
        _report(config, folder)
    for problem in folder.problems:
        say(f"Note: {problem}", err=True)
    _tell_outcome(outcome, folder, time.perf_counter() - clock)
    return EXIT_JOB_FAILED if outcome.failed else 0


def _opened(config: RunConfig) -> AbstractContextManager[Executor]:
    module, address = get_executor(config.executor)
    return module.open(Opening(address, config.workers, config.results))


def _execute(plan: Plan, config: RunConfig, folder: ResultsFolder, executor: Executor) -> Outcome:
    progress = JobProgress()
    executor.tell = progress.tell
    announced = Counter(kind.name for kind, _ in expected_further(config, plan))
    progress.expect(len({job.id for job in plan.jobs}) + announced.total())
    try:
        runner = Runner(folder, executor, progress)
        for kind in kinds().values():
            further = plan_further(kind, config, plan, runner.records)
            # Fewer than announced where a job failed.
            progress.expect(len(further) - announced[kind.name])
            if not kind.alone:
                runner.run(plan.of(kind))
        for kind in kinds().values():
            if kind.alone:
                runner.run_alone(kind, plan.of(kind), partial(_announce, kind, config, plan))
        return runner.outcome
    finally:
        progress.close()


def _forget(folder: ResultsFolder, plan: Plan) -> None:
    """Drop the records of a plan's jobs, and of those that are planned from these."""
    planned = {job.id for job in plan.jobs}
    cells = {job.cell_key for job in plan.jobs}

    def builds_on_the_plan(record: Record) -> bool:
        base = kinds()[record.kind].builds_on
        return base is not None and (base, *record.cell_key[1:]) in cells

    folder.forget(
        record.id
        for record in folder.read().values()
        if record.job_id in planned or builds_on_the_plan(record)
    )


def _report(config: RunConfig, folder: ResultsFolder) -> None:
    report = config.report_folder
    key = fingerprint(folder, config.baseline)
    try:
        paths = rendered(report, key)
        if not paths:
            from harness.report.render import render_report

            paths = render_report(config.results, report, baseline=config.baseline)
            mark_rendered(report, key, paths)
    except OSError as error:
        raise HarnessError(
            f"cannot write the report into {report}: {error.strerror}. The results "
            f"are intact; `harness report {config.results} -o DIR` renders it elsewhere."
        ) from error
    for path in paths:
        if path.name in ("report.html", "report.md"):
            say(path)


def _description(
    plan: Plan, config: RunConfig, outcome: Outcome, started: datetime, seconds: float
) -> dict[str, Any]:
    return {
        "command": command_of(config),
        "config": config.model_dump(mode="json"),
        "environment": describe(plan.device, plan.machine),
        "git_commit": git_commit(),
        "seeds": {"weights_of_untrained_networks": 0, "latency_input": 0},
        "datasets": plan.dataset_notes,
        "plan": [job.id for job in plan.jobs],
        "timings": {
            "started": started.isoformat(),
            "seconds": seconds,
            "jobs_executed": outcome.executed,
            "jobs_reused": outcome.reused,
        },
    }


def with_authors_weights(config: RunConfig) -> RunConfig:
    """The configuration with the networks that LapSRN's authors released among its weights.

    They are fetched where they are not there yet, into the folder ``weights`` of the data folder or
    else of the results folder; what ships, or the user brought, is measured beside them.

    Raises:
        ConfigError: none of the variants has a released network.
        DataError: a file cannot be fetched, or another one has its name.
    """
    root = data_root(config.data_root) or config.results
    files = authors_weights(config.variants, config.scales, config.weights, root)
    return config.model_copy(update={"weights": files})


def _tell_plan(plan: Plan, config: RunConfig) -> None:
    for warning in [*plan.warnings, *_without_weights(plan, config)]:
        say(f"Note: {warning}", err=True)


def _announce(kind: JobKind, config: RunConfig, plan: Plan, n: int) -> None:
    """What a kind that runs alone has to say before ``n`` jobs of it."""
    if text := kind.module("group").announcement(n, config, plan.device):
        say(text, err=True)


def _without_weights(plan: Plan, config: RunConfig) -> list[str]:
    """One line on the networks that have nothing to evaluate yet, and how to get it."""
    found = {
        job.spec.variant.name: None
        for job in plan.jobs
        if kinds()[job.kind].needs_weights and job.spec.lacks_weights
    }
    names = list(found)
    if not names:
        return []
    ways = ["--train missing trains them", "--weights NAME=FILE brings your own"]
    if released := [name for name in names if released_for(name, config.scales)]:
        ways.insert(0, f"--authors-weights fetches the authors' {', '.join(released)}")
    return [f"no weights for {', '.join(names)}, so no PSNR and SSIM: {'; '.join(ways)}"]


def _tell_outcome(outcome: Outcome, folder: ResultsFolder, seconds: float) -> None:
    say(
        f"{plural(outcome.executed, 'job')} measured, {outcome.reused} taken from {folder.path}, "
        f"{len(outcome.failed)} failed, {seconds:.1f} s",
        err=True,
    )
    for kind in kinds().values():
        found = [r.result for r in kind.records(outcome.records) if r.result is not None]
        if kind.remark is not None and (text := kind.remark(found)):
            say(f"Note: {text}", err=True)
    for record in outcome.failed:
        say(f"Failed: {record.id}: {record.reason}", err=True)


def dry_run(config: RunConfig) -> None:
    """Print the jobs that a run would do, with an estimate of their time; measures nothing."""
    from harness.jobs.estimate import Estimator

    if config.authors_weights:
        config = with_authors_weights(config)
    get_executor(config.executor)
    plan = make_plan(config, measures=False)
    folder = ResultsFolder(config.results)
    records = {record.job_id: record for record in folder.read().values()}
    estimator = Estimator(records.values())
    total = 0.0
    for job in {job.id: job for job in plan.jobs}.values():
        known: Record | None = records.get(job.id)
        if known is not None and known.status in FINAL:
            say(f"{job.title:<48} recorded")
            continue
        seconds = estimator.seconds(job)
        total += seconds
        say(f"{job.title:<48} about {seconds:.1f} s")
    for warning in [*plan.warnings, *_without_weights(plan, config), *folder.problems]:
        say(f"Note: {warning}")
    known_cells = {(record.kind, record.cell_key[1:]) for record in records.values()}
    further = expected_further(config, plan)
    for kind, base in further:
        words = "recorded"
        if (kind.name, base.cell_key[1:]) not in known_cells:
            words, total = f"about {FURTHER_S:.1f} s", total + FURTHER_S
        say(f"{base.title.replace(base.kind, kind.name, 1):<48} {words}")
    n_jobs = len({job.id for job in plan.jobs}) + len(further)
    say(f"{plural(n_jobs, 'job')}, about {total / 60:.1f} minutes")
