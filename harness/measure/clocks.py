"""A GPU's clocks, through NVML where it can be read (package ``nvidia-ml-py``, extra ``nvml``)."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_REASON = "nvmlClocksEventReason"


def read_clocks(uuid: str, nvml: Any = None) -> dict[str, Any] | None:
    """Clocks now, and why they are not higher.

    Args:
        uuid: of the GPU as NVML writes it, ``GPU-...``.
        nvml: the module ``pynvml``, or a stand-in for tests.

    Returns:
        ``sm_mhz``, ``memory_mhz`` and ``throttle_reasons`` (NVML's names), each None where the
        GPU does not tell; None if nothing can be read.
    """
    if nvml is None:
        if find_spec("pynvml") is None:
            return None
        nvml = import_module("pynvml")

    def ask(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except nvml.NVMLError:
            return None

    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        gpu = ask(nvml.nvmlDeviceGetHandleByUUID, uuid)
        if gpu is None:
            return None
        reasons = ask(nvml.nvmlDeviceGetCurrentClocksEventReasons, gpu)
        return {
            "sm_mhz": ask(nvml.nvmlDeviceGetClockInfo, gpu, nvml.NVML_CLOCK_SM),
            "memory_mhz": ask(nvml.nvmlDeviceGetClockInfo, gpu, nvml.NVML_CLOCK_MEM),
            "throttle_reasons": None if reasons is None else _names(nvml, reasons),
        }
    finally:
        nvml.nvmlShutdown()


def _names(nvml: Any, mask: int) -> list[str]:
    """NVML's names of the bits that are set; each bit once, for some have two names."""
    names: dict[int, str] = {}
    for name, value in vars(nvml).items():
        if name.startswith(_REASON) and value.bit_count() == 1 and value & mask:
            names.setdefault(value, name.removeprefix(_REASON))
    return sorted(names.values())
