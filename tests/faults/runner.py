"""Runs cases one after the other in a process of their own, each within ten seconds."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import click

from tests.faults.base import Case, WrongError

SHARES = {
    "yaml": 20,
    "recipes": 12,
    "options": 14,
    "records": 16,
    "text": 4,
    "fetch": 6,
    "images": 20,
    "weights": 8,
    "gates": 8,
    "manifests": 6,
    "plugins": 6,
}
"""Of all cases, in proportion."""
CLASSES = tuple(SHARES)
LIMIT_S = 10
"""Of a processor's time. A case may take ten times as long by the clock: machines are busy."""
OUTCOMES = ("clean", "clear_error", "traceback", "hang", "wrong")
_MARK = "@outcome "


class HangError(BaseException):
    """A case took longer than it may; no handler of the program catches this."""


@dataclass
class Tally:
    """Outcomes of a class; a process that dies counts as a traceback."""

    tried: int = 0
    clean: int = 0
    clear_error: int = 0
    traceback: int = 0
    hang: int = 0
    wrong: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def bad(self) -> int:
        return self.traceback + self.hang + self.wrong

    def add(self, outcome: str, failure: str = "") -> None:
        self.tried += 1
        setattr(self, outcome, getattr(self, outcome) + 1)
        if failure:
            self.failures.append(failure)

    def line(self, name: str) -> str:
        counts = ", ".join(f"{key.replace('_', ' ')} {getattr(self, key)}" for key in OUTCOMES)
        return f"{name:<8} tried {self.tried}, {counts}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def store(path: Path, seed: int, n: int, tallies: dict[str, Tally]) -> None:
    """Write the counts; those of other classes stay, if they are of the same seed and number."""
    classes = {name: tally.as_dict() for name, tally in tallies.items()}
    with contextlib.suppress(FileNotFoundError):
        known = json.loads(path.read_text("utf-8"))
        if (known["seed"], known["n"]) == (seed, n):
            classes = known["classes"] | classes
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"seed": seed, "n": n, "classes": classes}
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", "utf-8")


def summed_up(tallies: dict[str, Tally], what: str) -> int:
    """Print how many there were and how many of them were bad; the exit code."""
    bad = sum(tally.bad for tally in tallies.values())
    print(f"{sum(tally.tried for tally in tallies.values())} {what}, {bad} bad")
    return 1 if bad else 0


def run_class(name: str, seed: int, n: int, only: int | None = None) -> Tally:
    """Run ``n`` cases of a class, or only the one of a number, in processes of their own."""
    tally = Tally()
    start = 0 if only is None else only
    end = n if only is None else only + 1
    here = Path(__file__).parents[2]
    while start < end:
        words = [
            sys.executable,
            "-m",
            "tests.faults.runner",
            name,
            *map(str, (seed, n, start, end)),
        ]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=here
        ) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if line.startswith(_MARK):
                    tally.add(*json.loads(line.removeprefix(_MARK)))
                    start += 1
        if start < end:
            tally.add("traceback", f"{name} {start}: the process died ({child.returncode})")
            start += 1
    return tally


def outcomes(name: str, seed: int, n: int, start: int, end: int) -> Iterator[tuple[str, str]]:
    """What became of each case, and how it failed, in this process."""
    module = import_module(f"tests.faults.{name}")
    for number, case in enumerate(module.cases(seed, n)):
        if start <= number < end:
            with surroundings() as folder:
                yield _run(case, f"{name} {number}: {case.name}", folder)


def _run(case: Case, label: str, folder: Path) -> tuple[str, str]:
    try:
        with limited(LIMIT_S):
            return "clean" if case.run(folder) else "clear_error", ""
    except HangError as error:
        return "hang", f"{label}: HANG at {_where(error)}"
    except WrongError as error:
        return "wrong", f"{label}: WRONG {ascii(str(error))[1:300]}"
    except Exception as error:
        words = ascii(f"{type(error).__name__}: {error}")[1:160]
        return "traceback", f"{label}: TRACEBACK at {_where(error)} {words}"


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/harness/" in f.filename or "/variants/" in f.filename]
    ours = [f for f in ours if "/tests/" not in f.filename]
    last = (ours or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise HangError in the main thread when the time is up."""

    def ring(_: int, __: FrameType | None) -> None:
        raise HangError

    clocks = {signal.SIGALRM: signal.ITIMER_REAL, signal.SIGPROF: signal.ITIMER_PROF}
    before = {number: signal.signal(number, ring) for number in clocks}
    signal.setitimer(signal.ITIMER_REAL, 10 * seconds, 0.5)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)
    try:
        yield
    finally:
        for number, clock in clocks.items():
            signal.setitimer(clock, 0)
            signal.signal(number, before[number])


@contextlib.contextmanager
def surroundings() -> Iterator[Path]:
    """A folder for a case, deep in one that goes with it; no data but what the case brings."""
    here, environment = Path.cwd(), dict(os.environ)
    top = Path(tempfile.mkdtemp(prefix="faults-"))
    folder = top / "a" / "b" / "c"
    folder.mkdir(parents=True)
    (top / "a" / "b" / "work").mkdir()
    try:
        os.chdir(top / "a" / "b" / "work")
        os.environ["NO_PROXY"] = "127.0.0.1"
        os.environ.pop("HARNESS_DATA", None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield folder
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(environment)
        shutil.rmtree(top, ignore_errors=True)


def warm_up() -> None:
    """Import what commands import, which no case's ten seconds should pay for."""
    import fvcore.nn
    import lightning_fabric
    import matplotlib.pyplot as plt
    import pooch
    import requests

    from harness.cli import cli

    assert all((fvcore.nn, lightning_fabric, plt, pooch, requests))
    context = click.Context(cli)
    assert all(cli.get_command(context, name) for name in cli.list_commands(context))
    for module in ("jobs.plan", "jobs.execute", "training.train", "report.render", "measure.cost"):
        import_module(f"harness.{module}")


if __name__ == "__main__":
    warm_up()
    out = sys.stdout
    class_name, *numbers = sys.argv[1:]
    for result in outcomes(class_name, *map(int, numbers)):
        print(f"{_MARK}{json.dumps(result)}", file=out, flush=True)
