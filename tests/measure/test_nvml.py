"""A GPU's clocks and energy, from a stand-in for NVML."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.measure import nvml as module
from harness.measure.nvml import opened


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
            "nvmlDeviceGetTotalEnergyConsumption": lambda handle: 123_456,
            **functions,
        }
    )


def test_clocks_and_reasons_by_name() -> None:
    library = nvml()
    with opened("GPU-1", library) as gpu:
        assert gpu is not None
        assert gpu.clocks() == {
            "sm_mhz": 1755,
            "memory_mhz": 2619,
            "throttle_reasons": ["ApplicationsClocksSetting", "SwPowerCap"],
        }
        assert gpu.energy_mj() == 123_456
        assert library.calls == ["init"]
    assert library.calls == ["init", "shutdown"]


def test_what_a_gpu_does_not_tell_is_none() -> None:
    refused = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetTotalEnergyConsumption")
    library = nvml(**dict.fromkeys(refused, refuse))
    with opened("GPU-1", library) as gpu:
        assert gpu is not None
        found = gpu.clocks()
        assert found["sm_mhz"] == 1755
        assert found["throttle_reasons"] is None
        assert gpu.energy_mj() is None


@pytest.mark.parametrize("broken", ["nvmlInit", "nvmlDeviceGetHandleByUUID"])
def test_no_driver_or_no_such_gpu(broken: str) -> None:
    library = nvml(**{broken: refuse})
    with opened("GPU-1", library) as gpu:
        assert gpu is None
    assert library.calls in ([], ["init", "shutdown"])


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with opened("GPU-1") as gpu:
        assert gpu is None
