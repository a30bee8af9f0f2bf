"""What a GPU tells of itself through NVML (package ``nvidia-ml-py``, extra ``nvml``)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_REASON = "nvmlClocksEventReason"


class GPU:
    """One GPU while NVML is open; what it does not tell is None.

    Args:
        nvml: the module ``pynvml``, or a stand-in for tests.
        handle: NVML's, of the GPU.
    """

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml, self._handle = nvml, handle

    def clocks(self) -> dict[str, Any]:
        """``sm_mhz``, ``memory_mhz`` and ``throttle_reasons`` (NVML's names), as they are now."""
        nvml = self._nvml
        reasons = self._ask(nvml.nvmlDeviceGetCurrentClocksEventReasons)
        return {
            "sm_mhz": self._ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
            "memory_mhz": self._ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_MEM),
            "throttle_reasons": None if reasons is None else _names(nvml, reasons),
        }

    def energy_mj(self) -> int | None:
        """Energy in mJ that the whole board used since the driver was loaded (Volta and later).

        The counter moves some ten times a second.
        """
        energy: int | None = self._ask(self._nvml.nvmlDeviceGetTotalEnergyConsumption)
        return energy

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(self._handle, *arguments)
        except self._nvml.NVMLError:
            return None


@contextmanager
def opened(uuid: str, nvml: Any = None) -> Iterator[GPU | None]:
    """A GPU, for as long as the context lasts; None if nothing can be read.

    Args:
        uuid: of the GPU as NVML writes it, ``GPU-...``.
        nvml: the module ``pynvml``, or a stand-in for tests.
    """
    nvml = nvml or (import_module("pynvml") if find_spec("pynvml") else None)
    if nvml is None:
        yield None
        return
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        yield None
        return
    try:
        yield _find(nvml, uuid)
    finally:
        nvml.nvmlShutdown()


def _find(nvml: Any, uuid: str) -> GPU | None:
    try:
        return GPU(nvml, nvml.nvmlDeviceGetHandleByUUID(uuid))
    except nvml.NVMLError:
        return None


def _names(nvml: Any, mask: int) -> list[str]:
    """NVML's names of the bits that are set; each bit once, for some have two names."""
    names: dict[int, str] = {}
    for name, value in vars(nvml).items():
        if name.startswith(_REASON) and value.bit_count() == 1 and value & mask:
            names.setdefault(value, name.removeprefix(_REASON))
    return sorted(names.values())
