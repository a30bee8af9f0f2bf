"""A small sample of the generated cases by default; more of them with ``tox -e faults``."""

import pytest

from tests.faults import runner

SAMPLE = {"fetch": 12, "text": 1}


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
    from pathlib import Path

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


@pytest.mark.faults
@pytest.mark.parametrize("name", runner.CLASSES)
def test_many_end_well_or_in_a_sentence(name: str) -> None:
    tally = runner.run_class(name, 7, 3 * runner.SHARES[name])
    assert not tally.bad, "\n".join(tally.failures)
