"""How busy others were, while something was measured."""

from typing import Any

import psutil
import pytest

from harness.measure import host_load
from harness.measure.host_load import CPUTimes, HostLoad, cpu_times, others_percent


@pytest.mark.parametrize(
    ("idle", "own", "percent"),
    [
        (10, 10, 0),  # Two processors for ten seconds: one worked for us.
        (10, 4, 30),
        (0, 20, 0),
        (0, 0, 100),
        (15, 5.2, 0),  # Counted in coarser ticks than our own time.
    ],
)
def test_the_share_of_others(idle: float, own: float, percent: float) -> None:
    before = CPUTimes(1000, 500, 7)
    after = CPUTimes(1020, 500 + idle, 7 + own)
    assert others_percent(before, after) == pytest.approx(percent)


def test_no_time_is_no_load() -> None:
    assert others_percent(CPUTimes(1, 1, 1), CPUTimes(1, 1, 1)) == 0


def test_our_own_time_never_goes_back() -> None:
    before, after = cpu_times(), cpu_times()
    if before is None or after is None:
        pytest.skip("this system does not tell")
    assert after.own >= before.own  # The machine's iowait may go back, so its times may, too.
    assert 0 <= others_percent(before, after) <= 100


@pytest.mark.parametrize("error", [FileNotFoundError("/proc/stat"), psutil.AccessDenied()])
def test_a_system_that_does_not_tell_has_no_load(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(psutil, "cpu_times", fail)
    assert cpu_times() is None
    with HostLoad(lambda: None) as around:
        pass
    assert around.busy_percent is None


def test_load_and_clocks_from_entry_to_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([CPUTimes(0, 0, 0), CPUTimes(10, 5, 1)])
    monkeypatch.setattr(host_load, "cpu_times", lambda: next(times))
    readings: list[Any] = [{"sm_mhz": 1000}, {"sm_mhz": 900}]
    with HostLoad(lambda: readings.pop(0)) as around:
        assert len(readings) == 1
    assert around.busy_percent == pytest.approx(40)
    assert around.clocks == {"before": {"sm_mhz": 1000}, "after": {"sm_mhz": 900}}


def test_unreadable_clocks_are_none() -> None:
    with HostLoad(lambda: None) as around:
        pass
    assert around.clocks is None
