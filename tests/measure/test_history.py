"""The history of benchmarks: constructed figures, kinds of machines, and what counts as slower."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import history
from tests.benchmarks.history import Line, append, changes, kind_of, main, path_of, read
from variants import processor

FIELDS: dict[str, Any] = {
    "benchmark": "inference",
    "title": "a network",
    "measured": "2026-01-01T00:00:00+00:00",
    "git_commit": None,
    "cpu": "a processor",
    "flags": ["avx2"],
    "threads": 2,
    "load_1min": None,
    "versions": {},
}


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(history, "RESULTS", tmp_path)
    return tmp_path


def line(ratio: float, **changed: Any) -> Line:
    return Line.model_validate({**FIELDS, "ratios": {"speed": ratio}, **changed})


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        (["amx_bf16", "avx2", "avx512_bf16", "avx512_f"], "amx-2cpu"),
        (["avx2", "avx512_bf16", "avx512_f"], "avx512-bf16-2cpu"),
        (["avx2", "avx512_bf16", "avx512_f", "sse4a"], "zen4-2cpu"),
        (["avx2", "avx512_bf16", "avx512_f", "avx512_vp2intersect", "sse4a"], "zen5-2cpu"),
        (["avx2", "avx512_f"], "avx512-2cpu"),
        (["avx2", "fma3"], "avx2-2cpu"),
        ([], "riscv64-2cpu"),
    ],
)
def test_kinds_of_machines(flags: list[str], kind: str) -> None:
    assert kind_of(flags, "riscv64", 2) == kind


def test_a_processor_held_to_another_instruction_set_is_of_a_kind_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(variable, raising=False)
    whole = history.this_kind()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert history.this_kind() == f"{whole}-held-to-avx2"
    assert "avx512_bf16" not in processor.flags()


@pytest.mark.parametrize(
    ("before", "now", "lower", "shown"),
    [
        (line(2.0), line(1.7), False, True),
        (line(2.0), line(1.94), False, False),  # Within the least.
        (line(2.0), line(2.6), False, False),  # Faster.
        (line(2.0), line(2.6), True, True),
        (line(2.0), line(1.7), True, False),
        (line(2.0, noise=0.05), line(1.7, noise=0.05), False, False),  # Within the noise.
        (line(2.0, noise=0.05), line(1.5, noise=0.05), False, True),
    ],
)
def test_what_is_slower(before: Line, now: Line, lower: bool, shown: bool) -> None:
    if lower:
        now = now.model_copy(update={"lower_is_better": ["speed"]})
    (change,) = changes([before, now])
    assert change.is_shown == shown


def test_only_the_same_is_compared() -> None:
    assert changes([line(2.0)]) == []
    assert changes([line(2.0, title="another"), line(1.0)]) == []
    assert changes([line(2.0, benchmark="another"), line(1.0)]) == []
    assert changes([line(2.0, ratios={"other": 2.0}), line(1.0)]) == []
    (change,) = changes([line(4.0), line(2.0), line(9.0, title="another"), line(1.9)])
    assert (change.before, change.now) == (2.0, 1.9)


def test_a_report_is_a_line_and_a_slower_one_fails(capsys: pytest.CaptureFixture[str]) -> None:
    path = path_of(history.this_kind())
    assert main(compare=True) == 0
    assert "nothing was measured twice" in capsys.readouterr().out
    samples = {"a": [1.0, 1.01, 0.99, 1.0]}
    ratios = {"speed": 2.0, "peak": 1.0, "nothing": 0.0, "no number": float("nan")}
    append("x", "a title", ratios, samples, lower_is_better=["peak", "absent"])
    append("x", "a title", {**ratios, "speed": 1.99, "peak": 0.5}, samples, ["peak"])
    first, _ = read(path)
    assert first.ratios == {"speed": 2.0, "peak": 1.0}
    assert first.lower_is_better == ["peak"]
    assert 0 < first.noise < 0.01
    assert first.versions["torch"]
    assert main(compare=True) == 0
    append("x", "a title", {"speed": 1.5, "peak": 0.5}, samples, ["peak"])
    capsys.readouterr()
    assert main(compare=True) == 1
    shown = capsys.readouterr().out
    assert "SLOWER   +32.7 %" in shown
    assert shown.count("SLOWER") == 1
    assert main(compare=False) == 0
    assert "3 measurements" in capsys.readouterr().out


def test_the_table_has_the_last_ratios_of_each_kind(results: Path) -> None:
    for kind, ratio in (("amx-2cpu", 8.712), ("zen4-2cpu", 5.83)):
        (results / kind).mkdir()
        stored = {"title": "a network", "ratios": {"over plain": ratio}}
        (results / kind / "inference.json").write_text(json.dumps(stored))
    (results / "empty").mkdir()
    shown = history.table()
    assert "### amx-2cpu\n\n| measured | ratio | |" in shown
    assert "| a network | over plain | 8.71 |" in shown
    assert "| a network | over plain | 5.83 |" in shown
    assert "empty" not in shown


def test_a_line_of_something_else_is_an_error() -> None:
    path = path_of("x")
    path.parent.mkdir(parents=True)
    path.write_text('{"benchmark": "x"}\n')
    with pytest.raises(ValueError, match="title"):
        read(path)
