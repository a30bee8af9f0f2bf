"""Energy of calls on a device whose counter moves only now and then."""

import time
from collections.abc import Callable

AT_LEAST_S = 0.5
"""Time between the two moves of the counter: it moves about every 20 to 100 ms, and where a call
stands within that is known to a batch of calls."""

_BATCH_S = 0.01


def energy_per_call_mj(
    launch: Callable[[], object],
    wait: Callable[[], object],
    counter: Callable[[], int | None],
    seconds: float,
    *,
    now: Callable[[], float] = time.monotonic,
) -> float | None:
    """Energy of one call among many in a row, from one move of the counter to another.

    Everything that the device draws while the calls run is counted, what it would draw idle
    included. Calls follow each other without a pause, as they do not when latency is measured.

    Args:
        launch: one call, which may return before its work is done.
        wait: returns when all launched work is done.
        counter: energy in mJ since some moment; None where the device does not tell.
        seconds: that one call takes, about.
        now: seconds, monotonic; for tests.

    Returns:
        mJ, or None where the counter says nothing or does not move.
    """
    calls_at_once = max(1, round(_BATCH_S / seconds)) if seconds > 0 else 1

    def until_it_moves(before: int, earliest: float) -> tuple[int, int] | None:
        """Calls made and the counter, at its first move after ``earliest``."""
        calls, latest = 0, earliest + 4 * AT_LEAST_S
        while now() < latest:
            for _ in range(calls_at_once):
                launch()
            wait()
            calls += calls_at_once
            value = counter()
            if value is None:
                return None
            if value != before and now() >= earliest:
                return calls, value
            before = value
        return None

    start = counter()
    if start is None or (first := until_it_moves(start, now())) is None:
        return None
    last = until_it_moves(first[1], now() + AT_LEAST_S)
    return None if last is None else (last[1] - first[1]) / last[0]
