import threading
from typing import Any

import pytest

from harness.training.prefetch import Prefetcher


@pytest.mark.parametrize("ahead", [True, False])
def test_steps_come_in_order_with_and_without_a_thread(ahead):
    def draw(step) -> Any:
        return [step]

    with Prefetcher(draw, 4, ahead=ahead) as patches:
        drawn: list[Any] = [patches(step) for step in range(2, 5)]
    assert drawn == [[2], [3], [4]]


def test_it_looks_one_step_ahead_and_not_beyond_the_end():
    drawn = []
    event = threading.Event()

    def draw(step):
        drawn.append(step)
        if step == 1:
            event.set()
        return [step]

    with Prefetcher(draw, 1, ahead=True) as patches:
        patches(0)
        assert event.wait(5)
        patches(1)
    assert drawn == [0, 1]


def test_a_failure_in_the_thread_reaches_the_loop():
    def draw(step):
        if step == 1:
            raise ValueError("no patches")
        return [step]

    with Prefetcher(draw, 5, ahead=True) as patches:
        patches(0)
        with pytest.raises(ValueError, match="no patches"):
            patches(1)
