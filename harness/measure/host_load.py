"""What else went on while something was measured."""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import psutil

Clocks = dict[str, Any] | None


class CPUTimes(NamedTuple):
    """Seconds of processor time since some moment, summed over the machine's processors."""

    total: float
    idle: float
    own: float


def cpu_times() -> CPUTimes | None:
    """Of this machine, and of this process; None where the system does not tell."""
    try:
        machine, own = psutil.cpu_times(), psutil.Process().cpu_times()
    except (OSError, psutil.Error):
        return None  # Such as in a sandbox without /proc.
    # Guests' time is part of their user time already.
    twice = getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    return CPUTimes(sum(machine) - twice, idle, own.user + own.system)


def others_percent(before: CPUTimes, after: CPUTimes) -> float:
    """Share of the machine's processors, in per cent, that anything but this process used."""
    total, idle, own = (b - a for a, b in zip(before, after, strict=True))
    if total <= 0:
        return 0.0
    # The machine counts in ticks of some milliseconds, the process more finely.
    return min(100.0, max(0.0, 100 * (total - idle - own) / total))


class HostLoad:
    """Watches from entry to exit.

    Args:
        read_clocks: the device's clocks now; None where they cannot be read.

    Attributes:
        busy_percent: of the machine's processors, used by other programs (on a virtual machine by
            other guests as well) meanwhile; None where the system does not tell.
        clocks: ``before`` and ``after``, or None.
    """

    def __init__(self, read_clocks: Callable[[], Clocks]) -> None:
        self._read_clocks = read_clocks
        self.busy_percent: float | None = None
        self.clocks: dict[str, Clocks] | None = None

    def __enter__(self) -> Self:
        self._clocks_before, self._times_before = self._read_clocks(), cpu_times()
        return self

    def __exit__(self, *_: object) -> None:
        before, after = self._times_before, cpu_times()
        if before is not None and after is not None:
            self.busy_percent = others_percent(before, after)
        clocks = {"before": self._clocks_before, "after": self._read_clocks()}
        self.clocks = clocks if any(clocks.values()) else None
