"""What the processor can do: asked in this one place, when it is needed and not before.

Flags tell what a processor has, not what this build of torch makes of it, and both differ between
x86, Arm and macOS. So a fused operator is tried once, on a small image, and its result compared
with that of torch's own operators; where it does not serve, those do.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch.nn import functional as F

_FLAGS = {
    torch.bfloat16: ("avx512_bf16", "amx_bf16", "bf16"),
    torch.float16: ("avx512_fp16", "amx_fp16", "fp16_arith"),
}
"""Of which one is enough for arithmetic in a dtype; the last is Arm's."""

_ISA_OF_FLAG = {"avx512_bf16": 1, "avx512_fp16": 2, "amx_bf16": 3, "amx_fp16": 4}
_ISAS = {
    **dict.fromkeys(("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2"), 0),
    **dict.fromkeys(("AVX512_CORE", "AVX512_CORE_VNNI"), 0),
    "AVX512_CORE_BF16": 1,
    **dict.fromkeys(("AVX512_CORE_FP16", "AVX10_1_512"), 2),
    **dict.fromkeys(("AVX512_CORE_AMX", "AVX10_1_512_AMX"), 3),
}
"""What ``ONEDNN_MAX_CPU_ISA`` leaves of the flags above; every name that is not here leaves all."""


def uses_onednn() -> bool:
    """Whether torch has oneDNN and was not told to do without."""
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(available and torch.backends.mkldnn.enabled)


def fuses_leaky_relu(dtype: torch.dtype) -> bool:
    """Whether oneDNN's convolution with a LeakyReLU fused into it serves here, in a dtype."""
    return uses_onednn() and _fusion_serves(dtype)


def fused_conv_leaky_relu(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, slope: float
) -> torch.Tensor:
    """``leaky_relu(conv2d(x, weight, bias, padding=1), slope)`` as one call of oneDNN.

    Args:
        x: N x C_in x H x W.
        weight: C_out x C_in x 3 x 3, of the same dtype.
        bias: C_out.
        slope: of the LeakyReLU.

    Returns:
        N x C_out x H x W, without a gradient.

    Raises:
        Exception: of any kind, where :func:`fuses_leaky_relu` is False for the dtype.
    """
    y: torch.Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, weight, bias, [1, 1], [1, 1], [1, 1], 1, "leaky_relu", [slope], ""
    )
    return y


def has_amx() -> bool:
    """Whether there are units that multiply matrices in bfloat16, and torch uses them."""
    return uses_onednn() and _has("amx_bf16")


def is_native(dtype: torch.dtype, device: str = "cpu") -> bool:
    """Whether a device has arithmetic of its own for a dtype; else it is slower than float32.

    Args:
        dtype: such as ``torch.bfloat16``.
        device: ``"cpu"``, ``"cuda"`` or another kind, which is taken to have float32 only.
    """
    if dtype not in _FLAGS:
        return True
    if device == "cuda":
        bf16 = dtype == torch.bfloat16
        return not bf16 or bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device == "cpu" and uses_onednn() and any(_has(flag) for flag in _FLAGS[dtype])


def flags(*, within_limit: bool = True) -> list[str]:
    """What the processor can do, by the names of its flags.

    Args:
        within_limit: only what ``ONEDNN_MAX_CPU_ISA`` leaves.
    """
    names = [name for name, value in _capabilities().items() if value is True]
    return sorted(name for name in names if not within_limit or _has(name))


def physical_cores() -> int | None:
    """Cores of the machine, of which each may be several logical processors; None if not known."""
    cores = _capabilities().get("num_physical_cores")
    return int(cores) if cores else None


def isa_limit() -> str | None:
    """The instruction set that the user holds oneDNN to, such as ``AVX2``."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA")
    return limit.upper() if limit else None


@cache
def _fusion_serves(dtype: torch.dtype) -> bool:
    if dtype not in (torch.float32, torch.bfloat16):
        return False  # Nobody has compared figures in others.
    generator = torch.Generator().manual_seed(0)
    shapes = ((1, 16, 5, 6), (16, 16, 3, 3), (16,))
    settings: dict[str, Any] = {"generator": generator, "device": "cpu", "dtype": torch.float32}
    x, weight, bias = (torch.randn(shape, **settings).to(dtype) for shape in shapes)
    try:
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            fused = fused_conv_leaky_relu(x, weight, bias, 0.2).float()
            wide = (x.float(), weight.float(), bias.float())
            plain = F.leaky_relu(F.conv2d(*wide, padding=1), 0.2)
    except Exception:
        # Missing from this build, or refused by this processor: no type says which.
        return False
    # Rounding to bfloat16 makes 0.0015, to float32 3e-7.
    error = (fused - plain).norm() / plain.norm()
    return bool(error < (1e-5 if dtype == torch.float32 else 5e-3))


def _has(flag: str) -> bool:
    allowed = _ISAS.get(isa_limit() or "", max(_ISA_OF_FLAG.values()))
    return bool(_capabilities().get(flag)) and _ISA_OF_FLAG.get(flag, 0) <= allowed


def _capabilities() -> Mapping[str, Any]:
    """Flags by name, as cpuinfo tells them."""
    if hasattr(torch.cpu, "get_capabilities"):
        flags: Mapping[str, Any] = torch.cpu.get_capabilities()
        return flags
    # Of an older torch.
    return {
        "avx512_bf16": torch.cpu._is_avx512_bf16_supported(),
        "amx_bf16": torch.cpu._is_amx_tile_supported(),
    }
