"""What the speed benchmarks share."""

import json
import statistics
from pathlib import Path

import pytest

from tests.benchmarks import history, ratio


def test_of_any_two_each_goes_first_as_often() -> None:
    rounds = list(ratio.turns("abcd", 40))
    assert all(sorted(order) == list("abcd") for order in rounds)
    assert sum(order.index("a") < order.index("c") for order in rounds) == 20
    assert len({tuple(order) for order in rounds}) > 4


def test_medians_keep_their_samples() -> None:
    called: list[str] = []
    calls = {name: lambda name=name: called.append(name) for name in "ab"}
    medians = ratio.medians_s(calls, rounds=5, warmup=2)
    assert {name: len(values) for name, values in medians.samples.items()} == {"a": 5, "b": 5}
    assert called.count("a") == called.count("b") == 7
    assert medians["a"] == statistics.median(medians.samples["a"])


def test_a_report_stores_samples_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(history, "RESULTS", tmp_path / "benchmarks")
    ratio.report("x", "Title", [{"way": "a", "s": 0.5}], {"ratio": 2.0}, {"a": [0.5, 0.6]})
    printed = capsys.readouterr().out
    assert "Title" in printed
    assert "ratio: 2" in printed
    stored = json.loads((history.folder_of(history.this_kind()) / "x.json").read_text())
    assert stored["ratios"] == {"ratio": 2.0}
    assert stored["samples_s"] == {"a": [0.5, 0.6]}
    assert stored["environment"]["versions"]["torch"]
    assert stored["environment"]["cpu"]
    assert stored["measured"]
