"""Energy per call, from counters that move now and then."""

import pytest

from harness.measure.energy import AT_LEAST_S, energy_per_call_mj


class Board:
    """A GPU of 300 W whose calls take 4 ms, with a counter that moves every ``period`` seconds."""

    WATTS, CALL_S = 300.0, 0.004

    def __init__(self, period: float, gives_up_after_s: float = 1e9) -> None:
        self.period, self.gives_up_after_s = period, gives_up_after_s
        self.clock, self.queued, self.calls = 100.0, 0, 0

    def launch(self) -> None:
        self.queued += 1
        self.calls += 1

    def wait(self) -> None:
        self.clock += self.CALL_S * self.queued
        self.queued = 0

    def counter(self) -> int | None:
        if self.clock - 100 > self.gives_up_after_s:
            return None
        moves = self.clock // self.period
        return round(1000 * self.WATTS * moves * self.period)

    def measure(self) -> float | None:
        return energy_per_call_mj(
            self.launch, self.wait, self.counter, self.CALL_S, now=lambda: self.clock
        )


@pytest.mark.parametrize("period", [0.001, 0.02, 0.1])
def test_energy_is_power_times_time(period: float) -> None:
    board = Board(period)
    measured = board.measure()
    # Batches of 10 ms: at either end one of them more or less than the counter saw.
    assert measured == pytest.approx(1000 * Board.WATTS * Board.CALL_S, rel=0.025)
    assert board.calls * Board.CALL_S < AT_LEAST_S + 3 * period + 0.05


def test_a_counter_that_stands_still_or_gives_up_says_nothing() -> None:
    still = Board(period=1e6)
    assert still.measure() is None
    assert still.calls * Board.CALL_S < 5 * AT_LEAST_S
    assert Board(0.02, gives_up_after_s=0.1).measure() is None
    silent = Board(0.02, gives_up_after_s=-1)
    assert silent.measure() is None
    assert silent.calls == 0
