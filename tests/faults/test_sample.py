"""A small sample of the generated cases by default; more of them with ``tox -e faults``."""

import random
import sys
from pathlib import Path

import pytest

from tests.faults import runner
from tests.faults.signals import Command, disturb

SAMPLE = {"fetch": 12, "text": 1}
CARELESS = """
import os, pathlib, signal, sys, time
out = pathlib.Path(sys.argv[1])
out.mkdir(exist_ok=True)
(out / "record").write_text(str(time.time_ns()))
(out / "x.tmp").touch()
signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
time.sleep(1)
"""


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_ends_well_or_in_a_sentence(name: str) -> None:
    n = SAMPLE[name]
    failures = [failure for _, failure in runner.outcomes(name, 0, n, 0, n) if failure]
    assert failures == []


def test_the_same_seed_gives_the_same_cases() -> None:
    from tests.faults import records, yaml

    for module in (yaml, records):
        first, second, other = ([c.name for c in module.cases(s, 20)] for s in (1, 1, 2))
        assert first == second != other


def test_outcomes_are_told_apart() -> None:
    from tests.faults.base import Case, WrongError, opens

    def wrong(_: Path) -> bool:
        raise WrongError("x")

    def slow(_: Path) -> bool:
        raise runner.HangError

    def refused(_: Path) -> bool:
        from harness.errors import DataError

        def door() -> None:
            raise DataError("no")

        return opens(door)

    doors = {"clean": lambda _: True, "clear_error": refused, "wrong": wrong, "hang": slow}
    doors["traceback"] = lambda _: bool(1 / 0)
    for outcome, door in doors.items():
        assert runner._run(Case("x", door), "x", Path())[0] == outcome


def test_a_command_that_loses_and_leaves_things_is_found_out(tmp_path: Path) -> None:
    class Careless(Command):
        def words(self, out: Path) -> list[str]:
            return [sys.executable, "-c", CARELESS, str(out)]

    command = Careless((), lambda out: (out / "record").read_text(), ("record",))
    tally = disturb(command, tmp_path, random.Random(0), 4)
    said = "\n".join(tally.failures)
    assert tally.bad
    for words in ("lost or written again", "exit code", "another outcome", "left behind"):
        assert words in said


@pytest.mark.faults
@pytest.mark.parametrize("name", runner.CLASSES)
def test_many_end_well_or_in_a_sentence(name: str) -> None:
    tally = runner.run_class(name, 7, 3 * runner.SHARES[name])
    assert not tally.bad, "\n".join(tally.failures)
