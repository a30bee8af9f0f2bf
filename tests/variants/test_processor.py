"""Networks compute the same on every processor, whose capabilities are queried in one place."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from variants import create_model, processor
from variants.kernels import fast_kernels

FUSED = processor.fused_conv_leaky_relu
ALL = {"avx512_bf16": True, "amx_bf16": True, "avx512_fp16": True, "amx_fp16": True}
LACKS = ["nothing", "fusion", "bf16 fusion", "right results", "oneDNN", "AMX", "every flag"]
AMX = ["not AMX"]


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    """What was found out is remembered; a test that pretends forgets before and after."""
    processor._fusion_serves.cache_clear()
    yield
    processor._fusion_serves.cache_clear()


def lack(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this processor one that lacks something, or has what it may not have."""

    def refuse(x: Tensor, *rest: Any) -> Tensor:
        if what == "bf16 fusion" and x.dtype != torch.bfloat16:
            return FUSED(x, *rest)
        raise RuntimeError("bf16 path needs the cpu support avx512bw")

    def garble(*operands: Any) -> Tensor:
        return FUSED(*operands) + 0.1

    if what in ("fusion", "bf16 fusion"):
        monkeypatch.setattr(processor, "fused_conv_leaky_relu", refuse)
    elif what == "right results":
        monkeypatch.setattr(processor, "fused_conv_leaky_relu", garble)
    elif what == "oneDNN":
        monkeypatch.setattr(processor, "uses_onednn", lambda: False)
    elif what == "AMX":
        monkeypatch.setattr(processor, "has_amx", lambda: False)
    elif what == "every flag":
        monkeypatch.setattr(processor, "_capabilities", dict)
    elif what == "not AMX":
        monkeypatch.setattr(processor, "has_amx", lambda: True)


@pytest.mark.parametrize("what", LACKS + AMX)
@pytest.mark.parametrize("name", ["cms-lapsrn-conv3", "lapsrn"])
def test_networks_compute_the_same(what: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lack(what, monkeypatch)
    torch.manual_seed(0)
    model = create_model(name, 4, width=16)
    y = torch.rand(2, 1, 6, 5)

    def computed(dtype: torch.dtype) -> list[Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            model.zero_grad()
            learning = model(y)
            learning.square().sum().backward()
            with torch.inference_mode():
                plain = model(y)
        return [
            plain,
            learning.detach(),
            *(p.grad.clone() for p in model.parameters() if p.grad is not None),
        ]

    exact = computed(torch.float32)
    rounded = computed(torch.bfloat16)
    with fast_kernels():
        torch.testing.assert_close(computed(torch.float32), exact, rtol=1e-4, atol=1e-4)
        for fast, slow, right in zip(computed(torch.bfloat16), rounded, exact, strict=True):
            assert (fast - right).norm() < 2 * (slow - right).norm() + 1e-3 * right.norm()


@pytest.mark.parametrize("what", ["fusion", "bf16 fusion", "right results", "oneDNN"])
def test_what_does_not_serve_is_not_used(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lack(what, monkeypatch)
    assert not processor.fuses_leaky_relu(torch.bfloat16)
    if what != "bf16 fusion":
        assert not processor.fuses_leaky_relu(torch.float32)
    assert not processor.fuses_leaky_relu(torch.float64)


def test_it_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(processor, "fused_conv_leaky_relu", lambda *_: calls.append(1))
    assert [processor.fuses_leaky_relu(torch.float32) for _ in range(3)] == [False] * 3
    assert len(calls) <= 1  # None where torch has no oneDNN.


@pytest.mark.filterwarnings("ignore:TF32 acceleration")  # What torch says of every such switch.
def test_onednn_may_be_switched_off_by_its_users() -> None:
    with torch.backends.mkldnn.flags(enabled=False):
        assert not processor.uses_onednn()
        assert not processor.has_amx()
        assert not processor.fuses_leaky_relu(torch.float32)
        assert not processor.is_native(torch.bfloat16)
    assert processor.uses_onednn() == torch.backends.mkldnn.is_available()


@pytest.mark.parametrize(
    ("flags", "isa", "bf16", "fp16", "amx"),
    [
        ({"avx2": True}, "", False, False, False),
        ({"avx2": True, "avx_ne_convert": True, "avx512_bw": True}, "", False, False, False),
        ({"avx512_bf16": True}, "", True, False, False),
        (ALL, "", True, True, True),
        (ALL, "DEFAULT", True, True, True),
        (ALL, "avx512_core_amx", True, True, True),
        (ALL, "AVX512_CORE_FP16", True, True, False),
        (ALL, "AVX512_CORE_BF16", True, False, False),
        (ALL, "AVX512_CORE_VNNI", False, False, False),
        (ALL, "AVX2", False, False, False),
        (ALL, "SSE41", False, False, False),
        ({"neon": True, "fp16_arith": True}, "", False, True, False),
        ({"neon": True, "bf16": True}, "", True, False, False),
        ({}, "", False, False, False),
    ],
)
def test_what_flags_and_limits_tell(
    flags: dict[str, bool],
    isa: str,
    bf16: bool,
    fp16: bool,
    amx: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processor, "_capabilities", lambda: flags)
    monkeypatch.setattr(processor, "uses_onednn", lambda: True)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa)
    assert processor.is_native(torch.float32)
    assert processor.is_native(torch.bfloat16) == bf16
    assert processor.is_native(torch.float16) == fp16
    assert processor.has_amx() == amx
    monkeypatch.setattr(processor, "uses_onednn", lambda: False)
    assert not processor.is_native(torch.bfloat16)
    assert not processor.has_amx()


@pytest.mark.parametrize("supported", [True, False])
def test_a_gpu_is_asked_by_itself(supported: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "_capabilities", lambda: {} if supported else ALL)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: supported)
    assert processor.is_native(torch.bfloat16, "cuda") == supported
    assert processor.is_native(torch.float16, "cuda")
    assert not processor.is_native(torch.bfloat16, "mps")


def test_a_torch_without_capabilities_is_asked_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert processor._capabilities() == {"avx512_bf16": True, "amx_bf16": False}


ELSEWHERE = """
import torch
from variants import create_model, processor
from variants.kernels import fast_kernels

torch.manual_seed(0)
model = create_model("cms-lapsrn-conv3", 2, width=16)
y = torch.rand(1, 1, 9, 7)
with torch.inference_mode():
    for dtype in (torch.float32, torch.bfloat16):
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            plain = model(y)
            with fast_kernels():
                fast = model(y)
        assert (fast - plain).abs().max() < (1e-5 if dtype == torch.float32 else 0.05)
print(processor.is_native(torch.bfloat16), processor.has_amx())
"""


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ATEN_CPU_CAPABILITY", "default"),
        ("ATEN_CPU_CAPABILITY", "avx2"),
        ("ONEDNN_MAX_CPU_ISA", "SSE41"),
        ("ONEDNN_MAX_CPU_ISA", "AVX2"),
        ("ONEDNN_MAX_CPU_ISA", "AVX512_CORE"),
    ],
)
def test_processors_that_libraries_pretend(variable: str, value: str) -> None:
    """The libraries read these once, when they start."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        capture_output=True,
        text=True,
        env={**os.environ, variable: value},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if variable == "ONEDNN_MAX_CPU_ISA":
        assert done.stdout.split() == ["False", "False"]


PRIVATE = re.compile(
    r"torch\.ops\.mkldnn|torch\.cpu\.|get_cpu_capability|is_bf16_supported|_mkldnn_|cpuinfo_has"
)


def test_capabilities_are_queried_in_one_place() -> None:
    root = Path(__file__).parents[2]
    sources = [*(root / "harness").rglob("*.py"), *(root / "variants").rglob("*.py")]
    asking = {path.name for path in sources if PRIVATE.search(path.read_text("utf-8"))}
    assert asking == {"processor.py"}
