"""Commands that are stopped at random moments and started again; see signals.py.

``HARNESS_SEED`` repeats a failure; the seed is part of the failing message.
"""

import os
import random

import pytest

from tests.faults.signals import COMMANDS, MissingError, run_command

pytestmark = pytest.mark.faults
SIGNALS = 16


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_stopped_goes_on(name: str) -> None:
    seed = int(os.environ.get("HARNESS_SEED", random.randrange(10**6)))
    try:
        tally = run_command(name, seed, SIGNALS)
    except MissingError as error:
        pytest.skip(str(error))
    assert tally.tried == SIGNALS
    assert not tally.bad, f"HARNESS_SEED={seed}: {tally.failures}"
