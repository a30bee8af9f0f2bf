"""Runs on a machine that fails under them: ``python -m tests.faults.disturbed --seed 1 --n 3``.

Each case starts ``harness run``, disturbs it at a random moment, and looks how it ends: well, or
in a sentence with an exit code. Then the cause is mended and the same command is given again: the
tables must be those of an undisturbed run, what was recorded must not be written again, and no
temporary file and no process may be left. Counts per class go to results/faults/disturbed.json.
Classes that need the right to mount a small tmpfs are left out, visibly, where there is none.
"""

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.jobs.store import FINAL
from tests.faults.runner import Tally, store, summed_up
from tests.faults.signals import (
    LEFT_OVER,
    RECORDS,
    Command,
    files,
    finish,
    lasting,
    tables,
)
from tests.jobs.photos import photos

OUT = Path("results/faults/disturbed.json")
ENDS_WITHIN = 5
"""Times as long as a run that nothing disturbs, on a machine that may have become busier."""
SHIFTED_CLOCK = """
import datetime, os, sys, time
class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(time.time(), tz)
truly, began, after_s, back_s = time.time, time.time(), float(sys.argv[1]), float(sys.argv[2])
time.time = lambda: truly() - (back_s if truly() - began > after_s else 0)
import harness.jobs.execute, harness.running
harness.jobs.execute.datetime = harness.running.datetime = Shifted
from harness.cli import main
main(sys.argv[3:])
"""


@dataclass
class Case:
    """A run that is under way.

    Attributes:
        rng: of this case.
        out: its results folder.
        process: the run.
        undisturbed_s: what it takes when left alone.
    """

    rng: random.Random
    out: Path
    process: subprocess.Popen[str]
    undisturbed_s: float

    def wait_a_while(self) -> bool:
        """Until a random moment; False if the run ended before."""
        try:
            self.process.wait(self.rng.random() * self.undisturbed_s)
        except subprocess.TimeoutExpired:
            return True
        return False


Mend = Callable[[], object]


def mounted(folder: Path, options: str, *, again: bool = False) -> bool:
    words = ["mount", "-o", f"remount,{options}" if again else options]
    words += [str(folder)] if again else ["-t", "tmpfs", "tmpfs", str(folder)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def disk_full(case: Case) -> Mend:
    """The disk becomes as small as it is full, or nearly so."""
    disk = case.out.parent
    if case.wait_a_while():
        used = sum(path.stat().st_size for path in disk.rglob("*") if path.is_file())
        mounted(disk, f"size={used + case.rng.randrange(65536)}", again=True)
    return lambda: mounted(disk, "size=64m", again=True)


def read_only(case: Case) -> Mend:
    disk = case.out.parent
    if case.wait_a_while():
        # Refused while a file is open for writing.
        while not mounted(disk, "ro", again=True) and case.process.poll() is None:
            time.sleep(0.001)
    return lambda: mounted(disk, "rw", again=True)


def moved_away(case: Case) -> Mend:
    elsewhere = case.out.with_name("elsewhere")
    if case.wait_a_while() and case.out.exists():
        case.out.rename(elsewhere)

    def mend() -> None:
        if elsewhere.exists():
            if case.out.exists():
                case.out.rename(case.out.with_name("made-meanwhile"))
            elsewhere.rename(case.out)

    return mend


def worker_killed(case: Case) -> Mend:
    """As the system does that is out of memory."""
    deadline = time.monotonic() + case.rng.random() * case.undisturbed_s
    while case.process.poll() is None:
        try:
            children = psutil.Process(case.process.pid).children()
            # Not multiprocessing's own tracker of resources.
            children = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        except psutil.NoSuchProcess:
            break
        if children and time.monotonic() > deadline:
            case.rng.choice(children).send_signal(signal.SIGKILL)
            break
        time.sleep(0.05)
    return lambda: None


def memory_scarce(case: Case) -> Mend:
    """No more than a little beyond what it has; of the address space, as there is no other bound
    without rights.
    """
    if case.wait_a_while():
        try:
            has = psutil.Process(case.process.pid).memory_info().vms
            bound = has + case.rng.randrange(32 * 2**20)
            resource.prlimit(case.process.pid, resource.RLIMIT_AS, (bound, bound))
        except (psutil.NoSuchProcess, ProcessLookupError):
            pass
    return lambda: None


def clock_back(case: Case) -> Mend:
    """The command itself turns its clock back: see :func:`words`."""
    return lambda: None


CLASSES: dict[str, Callable[[Case], Mend]] = {
    "disk_full": disk_full,
    "read_only": read_only,
    "moved_away": moved_away,
    "clock_back": clock_back,
    "worker_killed": worker_killed,
    "memory_scarce": memory_scarce,
}
NEED_A_DISK = ("disk_full", "read_only")


def words(name: str, plain: list[str], rng: random.Random, undisturbed_s: float) -> list[str]:
    if name == "worker_killed":
        return [*plain, "--workers", "2"]
    if name == "clock_back":
        after_s, back_s = rng.random() * undisturbed_s, rng.choice((60, 3600, 10**8))
        return [sys.executable, "-c", SHIFTED_CLOCK, str(after_s), str(back_s), *plain[3:]]
    return plain


def judge(process: subprocess.Popen[str], within_s: float) -> tuple[str, str]:
    """How a run ended, and what it said."""
    try:
        _, errors = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "hang", f"after {within_s:.0f} s"
    if "Traceback" in errors or process.returncode not in (0, 1, 2):
        return "traceback", f"exit code {process.returncode}: {errors[-400:]}"
    said = "Error: " in errors or "Failed: " in errors
    if process.returncode and not said:
        return "wrong", f"exit code {process.returncode} without a sentence: {errors[-400:]}"
    return ("clear_error" if process.returncode else "clean"), errors


@dataclass(frozen=True)
class Usual:
    """What a run is when nothing disturbs it."""

    command: Command
    tables: object
    seconds: float


def run_case(name: str, rng: random.Random, usual: Usual) -> tuple[str, str]:
    """Outcome and words; no outcome where this machine cannot have the case."""
    with tempfile.TemporaryDirectory(prefix="disturbed-") as folder:
        disk = Path(folder)
        if name not in NEED_A_DISK:
            return _run_case(name, rng, usual, disk / "out")
        if not mounted(disk, "size=64m"):
            return "", "needs the right to mount a tmpfs"
        try:
            return _run_case(name, rng, usual, disk / "out")
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)


def _run_case(name: str, rng: random.Random, usual: Usual, out: Path) -> tuple[str, str]:
    process = subprocess.Popen(
        words(name, usual.command.words(out), rng, usual.seconds),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    mend = CLASSES[name](Case(rng, out, process, usual.seconds))
    outcome, said = judge(process, ENDS_WITHIN * max(20.0, usual.seconds))
    mend()
    if outcome in ("hang", "traceback", "wrong"):
        return outcome, said
    kept = recorded(usual.command, out)
    finish(usual.command, out)
    if not kept.items() <= lasting(usual.command, out).items():
        return "wrong", "a record was written again"
    if usual.command.outcome(out) != usual.tables:
        return "wrong", "other tables than those of an undisturbed run"
    if stray := [path for path in files(out) if LEFT_OVER.search(Path(path).name)]:
        return "wrong", f"left behind: {stray}"
    return outcome, ""


def recorded(command: Command, out: Path) -> dict[Path, tuple[int, str]]:
    """Records that count; those of jobs that failed, as for want of memory, are tried again."""
    return {
        path: state
        for path, state in lasting(command, out).items()
        if json.loads(path.read_text("utf-8"))["status"] in FINAL
    }


def main() -> int:
    """Exit code 1 if any case ended in a traceback, a hang or a wrong result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=3, help="cases of each class")
    parser.add_argument("--only", default=",".join(CLASSES), help="classes, separated by commas")
    parser.add_argument("--out", type=Path, default=OUT, help=f"[default: {OUT}]")
    options = parser.parse_args()
    os.environ.pop("HARNESS_DATA", None)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory() as folder:
        images = photos(Path(folder, "photos"))
        command = Command(
            (
                *("run", "--variants", "bicubic,cms-lapsrn-conv3", "--scales", "2,4"),
                *("--baseline", "bicubic", "--dataset", f"photos={images}"),
                *("--only", "cost,quality,pictures", "--results", "OUT"),
            ),
            tables,
            RECORDS,
        )
        whole = Path(folder, "whole")
        seconds = finish(command, whole)
        usual = Usual(command, command.outcome(whole), seconds)
        for name in options.only.split(","):
            tallies[name] = tally = Tally()
            for number in range(options.n):
                rng = random.Random(f"{options.seed} {name} {number}")
                outcome, said = run_case(name, rng, usual)
                if outcome in ("", "traceback", "hang", "wrong"):
                    print(f"    {name} {number}: {outcome or 'left out'}: {said}", flush=True)
                if outcome:
                    ended_well = outcome in ("clean", "clear_error")
                    tally.add(outcome, "" if ended_well else f"{name} {number}: {said}")
            print(tally.line(name), flush=True)
            store(options.out, options.seed, options.n, tallies)
    return summed_up(tallies, "cases")


if __name__ == "__main__":
    sys.exit(main())
