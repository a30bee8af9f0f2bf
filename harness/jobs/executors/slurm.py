"""A SLURM cluster, through submitit: each job, or group of latency jobs, is a job of SLURM's.

``slurm`` is for a login node; ``slurm:local`` and ``slurm:debug`` do the same without SLURM, in
processes of this machine or in this very process. Machines share one folder with this one, as
submitit needs it: ``.slurm`` in the results folder. sbatch's own variables choose partition, time
and the like: ``SBATCH_PARTITION``, ``SBATCH_TIMELIMIT``, ``SBATCH_ACCOUNT``.
"""

import io
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, HarnessError, ResultsError
from harness.jobs.executor import ExecutorModule, Opening
from harness.jobs.executors._remote import TICK_S, Flight, LostError, Remote
from harness.jobs.transport import Answer, File, Refusal, machine, perform, software
from harness.system.environment import Machine, usable_cpus
from harness.system.interrupts import raise_interrupt

CLUSTERS = ("slurm", "local", "debug")
FOLDER = ".slurm"
AT_ONCE = 64
"""Jobs in SLURM's queue and under way."""
POLL_S = 0.5
QUEUE_S = 15.0
"""Between two looks into SLURM's queue; what two do not find there has ended."""
MINUTES = 24 * 60
"""What a job may take where ``SBATCH_TIMELIMIT`` does not say it: submitit's own is five."""


class SlurmExecutor(Remote):
    """Jobs in SLURM's queue.

    Args:
        folder: empty, seen by every machine.
        cluster: of :data:`CLUSTERS`.

    Raises:
        ConfigError: there is no SLURM here.
    """

    def __init__(self, folder: Path, cluster: str) -> None:
        super().__init__()
        import submitit

        self._folder, self._cluster = folder, cluster
        self._software = software()
        self._under_way: set[Any] = set()
        self._looked = float("-inf")
        self._not_seen: set[Any] = set()
        self._gone: set[Any] = set()
        self._unfinished = submitit.core.utils.UncompletedJobError
        self._failed = submitit.core.utils.FailedJobError
        try:
            self._queue = submitit.AutoExecutor(folder=folder, cluster=cluster)
        except RuntimeError as error:
            raise ConfigError(
                "--executor slurm: there is no SLURM here (srun is not found); run on a login "
                "node, or try slurm:local"
            ) from error

    def machine(self, device: str) -> Machine:
        """The machine that SLURM gives for a job that wants one of its own; ``auto`` is a CPU.

        Raises:
            ConfigError: it gives none, such as for want of a GPU.
            HarnessError: it gives only machines that are refused.
        """
        device = "cuda" if device == "cuda" else "cpu"
        while True:
            job = self._submit(True, device, _machine, self._software, device)
            while not self.wait([job], TICK_S):
                raise_interrupt()
            try:
                answer: Machine | Refusal = self._result(job)
            except LostError as error:
                raise ConfigError(f"--executor slurm: {error}") from error
            if isinstance(answer, Machine):
                return answer
            if self._cluster != "slurm":
                raise ConfigError(f"--executor slurm: {answer.name} {answer.why}")
            self._refuse(answer)  # SLURM gives another one, or says that there is none.

    def slots(self, device: str) -> int:
        if self._cluster == "slurm":
            return AT_ONCE // 2
        here = usable_cpus() if self._cluster == "local" else 1
        return 0 if self.refused else here

    def start(self, flight: Flight, parcels: bytes, handles: dict[str, Any]) -> Any:
        device = flight.jobs[0].inputs.get("device", "cpu")
        arguments = (self._software, parcels, handles, flight.do)
        return self._submit(flight.alone, device, _perform, *arguments)

    def _submit(self, whole: bool, device: str, function: Callable[..., Any], *given: Any) -> Any:
        # What is not asked for is None: sbatch takes no --exclusive=False. Without srun, whose
        # step would be bound to one of the processors that it does not share.
        self._queue.update_parameters(
            name="harness",
            timeout_min=MINUTES,
            cpus_per_task=1,
            gpus_per_node=1 if device == "cuda" else None,
            slurm_exclusive=True if whole else None,
            slurm_exclude=",".join(self.refused) or None,
            slurm_use_srun=False,
        )
        try:
            # What sbatch says is in the error, too.
            with redirect_stderr(io.StringIO()):
                job = self._queue.submit(function, *given)
        except (self._failed, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", None) or str(error)
            told = told.decode() if isinstance(told, bytes) else told
            if self.refused:
                raise HarnessError(
                    f"SLURM has no other machine ({' '.join(told.split())}): {self.why_nobody()}. "
                    "What was recorded is intact; run the same command again to go on."
                ) from error
            what = "job with a GPU" if device == "cuda" else "job"
            raise ConfigError(f"SLURM takes no {what}: {' '.join(told.split())}") from error
        self._under_way.add(job)
        return job

    def wait(self, tokens: Sequence[Any], timeout_s: float) -> list[Any]:
        deadline = time.monotonic() + timeout_s
        slurm = self._cluster == "slurm"
        while not (done := [job for job in tokens if self._ended(job)]):
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_S if slurm else POLL_S / 10)
        if slurm and time.monotonic() - self._looked > QUEUE_S:
            self._look(tokens)
        return done

    def _ended(self, job: Any) -> bool:
        """With an answer or without; submitit itself would ask sacct, which not every SLURM has."""
        if self._cluster != "slurm":
            return bool(job.done())
        return job in self._gone or job.paths.result_pickle.exists()

    def _look(self, jobs: Sequence[Any]) -> None:
        """Find the jobs that have left SLURM's queue without an answer."""
        command = ["squeue", "--me", "--noheader", "--format=%i"]
        self._looked = time.monotonic()
        seen = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if seen.returncode:  # SLURM's controller is busy, or away for a moment.
            return
        queue = set(seen.stdout.split())
        missing = {job for job in jobs if job.job_id not in queue and not self._ended(job)}
        # An answer may be seen here later than the end of its job.
        self._gone |= missing & self._not_seen
        self._not_seen = missing

    def answer(self, token: Any) -> Answer:
        found: Answer = self._result(token)
        return found

    def _result(self, job: Any) -> Any:
        try:
            if job in self._gone and not job.paths.result_pickle.exists():
                raise LostError(f"SLURM's job {job.job_id} ended as {_state(job.job_id)}")
            return job.result()
        except self._unfinished as error:
            raise LostError(f"the process of job {job.job_id} ended without an answer") from error
        except self._failed as error:
            last = str(error).strip().splitlines()[-1]
            raise HarnessError(f"SLURM's job {job.job_id} failed: {last}") from error
        finally:
            self._under_way.discard(job)
            self._gone.discard(job)
            for path in (job.paths.submitted_pickle, job.paths.result_pickle):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def put(self, file: File) -> Any:
        target = self._folder / "content" / file.sha256
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(file.path, target)
        return str(target.resolve())

    def cancel(self) -> None:
        """Take back what is in the queue or under way."""
        for job in self._under_way:
            with suppress(OSError, subprocess.SubprocessError):
                job.cancel(check=False)


def _state(job: str) -> str:
    """What SLURM says of a job that has ended, such as NODE_FAIL, in the minutes after it."""
    command = ["scontrol", "show", "job", job]
    told = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    found = re.search(r"JobState=(\w+)", told.stdout)
    return found[1] if found else "unknown"


def _node() -> str:
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def _machine(wanted: Mapping[str, str], device: str) -> Machine | Refusal:
    return machine(wanted, _node(), device, usable_cpus())


def _perform(wanted: Mapping[str, str], parcels: bytes, sent: Mapping[str, str], do: Any) -> Answer:
    """In SLURM's job."""
    import torch

    if threads := os.environ.get("SLURM_CPUS_PER_TASK"):
        torch.set_num_threads(int(threads))
    fetch = {sha256: Path(path).read_bytes for sha256, path in sent.items()}
    return perform(wanted, _node(), parcels, fetch, do, shared=True)


@contextmanager
def _open(opening: Opening) -> Iterator[SlurmExecutor]:
    """A folder for SLURM's jobs, which are taken back in the end.

    Raises:
        ConfigError: another word than those of :data:`CLUSTERS`, or no SLURM is here.
    """
    cluster = opening.address or "slurm"
    if cluster not in CLUSTERS:
        raise ConfigError(f"--executor slurm:{cluster}: it is one of {', '.join(CLUSTERS)}")
    folder = opening.results.resolve() / FOLDER
    # Jobs of a run that was killed: what they find, nobody would read.
    _take_back(folder, cluster)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ResultsError(f"cannot make {folder}: {error.strerror}") from error
    executor = SlurmExecutor(folder, cluster)
    try:
        yield executor
    finally:
        executor.cancel()
        shutil.rmtree(folder, ignore_errors=True)


def _take_back(folder: Path, cluster: str) -> None:
    left = {path.name.split("_")[0] for path in folder.glob("*_submitted.pkl")}
    if left and cluster == "slurm" and (scancel := shutil.which("scancel")):
        subprocess.run([scancel, *sorted(left)], check=False, capture_output=True)  # noqa: S603
    shutil.rmtree(folder, ignore_errors=True)


EXECUTOR = ExecutorModule(open=_open, package="submitit", address="local")
