"""A GPU's clocks, from a stand-in for NVML."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.measure import clocks
from harness.measure.clocks import read_clocks


class NVMLError(Exception):
    pass


def refuse(*_: object) -> Any:
    raise NVMLError("not supported")


def nvml(**functions: Any) -> SimpleNamespace:
    calls: list[str] = []
    return SimpleNamespace(
        **{
            "calls": calls,
            "NVMLError": NVMLError,
            "NVML_CLOCK_SM": 1,
            "NVML_CLOCK_MEM": 2,
            "nvmlClocksEventReasonNone": 0,
            "nvmlClocksEventReasonGpuIdle": 1,
            "nvmlClocksEventReasonApplicationsClocksSetting": 2,
            "nvmlClocksEventReasonUserDefinedClocks": 2,
            "nvmlClocksEventReasonSwPowerCap": 4,
            "nvmlClocksEventReasonAll": 7,
            "nvmlInit": lambda: calls.append("init"),
            "nvmlShutdown": lambda: calls.append("shutdown"),
            "nvmlDeviceGetHandleByUUID": lambda uuid: {"GPU-1": "handle"}[uuid],
            "nvmlDeviceGetClockInfo": lambda handle, kind: {1: 1755, 2: 2619}[kind],
            "nvmlDeviceGetCurrentClocksEventReasons": lambda handle: 6,
            **functions,
        }
    )


def test_clocks_and_reasons_by_name() -> None:
    library = nvml()
    assert read_clocks("GPU-1", library) == {
        "sm_mhz": 1755,
        "memory_mhz": 2619,
        "throttle_reasons": ["ApplicationsClocksSetting", "SwPowerCap"],
    }
    assert library.calls == ["init", "shutdown"]


def test_what_a_gpu_does_not_tell_is_none() -> None:
    library = nvml(nvmlDeviceGetCurrentClocksEventReasons=refuse)
    found = read_clocks("GPU-1", library)
    assert found is not None
    assert found["sm_mhz"] == 1755
    assert found["throttle_reasons"] is None


@pytest.mark.parametrize("broken", ["nvmlInit", "nvmlDeviceGetHandleByUUID"])
def test_no_driver_or_no_such_gpu(broken: str) -> None:
    library = nvml(**{broken: refuse})
    assert read_clocks("GPU-1", library) is None
    assert library.calls in ([], ["init", "shutdown"])


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "find_spec", lambda name: None)
    assert read_clocks("GPU-1") is None
