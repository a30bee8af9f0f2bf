"""Comparing runs: what changed, beyond what noise, and which gates that trips."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.commands.compare import command
from harness.comparison import compare_runs, parse_gate
from harness.errors import ConfigError, ResultsError
from harness.jobs.base import Record
from tests.commands.invoke import invoke
from tests.report import synthetic

BASE = np.random.default_rng(5).normal(30, 3, 14)


def shifted(by: float) -> list[float]:
    return (BASE + by + 0.001 * np.sin(np.arange(14) * (1 + by))).tolist()


def runs(tmp_path: Path, before: list[Record], after: list[Record]) -> tuple[Path, Path]:
    return (
        synthetic.write_run(tmp_path / "a", before),
        synthetic.write_run(tmp_path / "b", after),
    )


def quality(by: float = 0.0, **more: object) -> Record:
    return synthetic.quality("ms-lapsrn", 4, "Set14", shifted(by), **more)  # type: ignore[arg-type]


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    records = [*synthetic.full_run(["bicubic", "ms-lapsrn"], [4], {"Set14": 14, "Set5": 5})]
    a, b = runs(tmp_path, records, records)
    gates = ["psnr_y<0", "ssim_y<0", "params>0", "macs>0", "median_ms>0"]
    comparison = compare_runs(a, b, gates)
    assert comparison.ok, comparison.failures
    assert all(change.difference == 0 for change in comparison.changes)
    assert "passed" in comparison.text()


@pytest.mark.parametrize(("by", "ok"), [(-0.01, True), (-0.03, False), (0.5, True)])
def test_a_gate_fails_on_a_loss_beyond_its_limit(tmp_path: Path, by: float, ok: bool) -> None:
    comparison = compare_runs(*runs(tmp_path, [quality()], [quality(by)]), ["psnr_y<-0.02"])
    assert comparison.ok is ok
    if not ok:
        (reason,) = comparison.failures
        assert "psnr_y<-0.02" in reason
        assert "MS-LapSRN 4\u00d7 Set14" in reason
        assert "\u22120.030" in reason
        assert "worse" in reason


def test_statistics_are_those_of_the_report(tmp_path: Path) -> None:
    comparison = compare_runs(*runs(tmp_path, [quality()], [quality(-0.03)]))
    (change,) = [c for c in comparison.changes if c.figure == "psnr_y"]
    assert change.paired is not None
    assert change.paired.verdict == "worse"
    assert change.paired.losses == 14
    assert change.paired.low <= -0.03 <= change.paired.high


def test_costs_are_compared_absolutely_and_in_per_cent(tmp_path: Path) -> None:
    before = [synthetic.cost("ms-lapsrn", 4, 200_000, 100e9)]
    after = [synthetic.cost("ms-lapsrn", 4, 202_000, 100e9)]
    a, b = runs(tmp_path, before, after)
    assert not compare_runs(a, b, ["params>1999"]).ok
    assert compare_runs(a, b, ["params>2000"]).ok
    assert not compare_runs(a, b, ["params>0.9%"]).ok
    assert compare_runs(a, b, ["params>1%", "macs>0"]).ok


@pytest.mark.parametrize(
    ("after", "noisy", "trips", "word"),
    [
        (10.1, False, False, "within noise"),
        (13.0, False, True, "beyond noise"),
        (13.0, True, False, "not judged: marked noisy"),
    ],
)
def test_latency_counts_only_beyond_its_noise(
    tmp_path: Path, after: float, noisy: bool, trips: bool, word: str
) -> None:
    a, b = runs(
        tmp_path,
        [synthetic.latency("ms-lapsrn", 4, 10.0)],
        [synthetic.latency("ms-lapsrn", 4, after, noisy=noisy)],
    )
    comparison = compare_runs(a, b, ["median_ms>0.5%"])
    assert comparison.ok is not trips
    assert word in comparison.text()


def spread_out(median: float, **more: object) -> Record:
    """A hundred passes whose interquartile range is 5 % of the median."""
    samples = median * (1 + 0.05 / 1.349 * np.random.default_rng(8).standard_normal(100))
    return synthetic.latency(
        "ms-lapsrn",
        4,
        median,
        more={"samples_ms": samples.tolist(), "median_ms": float(np.median(samples)), **more},
    )


@pytest.mark.parametrize(("by", "real"), [(0.03, True), (0.005, False), (-0.03, True)])
def test_a_shift_is_seen_that_is_smaller_than_the_spread_of_passes(
    tmp_path: Path, by: float, real: bool
) -> None:
    rounds = {"rounds": list(range(100))}
    a, b = runs(tmp_path, [spread_out(10.0, **rounds)], [spread_out(10 * (1 + by), **rounds)])
    (change,) = [c for c in compare_runs(a, b).changes if c.figure == "median_ms"]
    assert change.beyond_noise is real
    assert compare_runs(a, b, ["median_ms>2%"]).ok is (by < 0.02)


def test_the_records_own_interval_of_the_median_counts(tmp_path: Path) -> None:
    wide = {"median_low_ms": 9.0, "median_high_ms": 14.0}
    a, b = runs(
        tmp_path,
        [synthetic.latency("ms-lapsrn", 4, 10.0)],
        [synthetic.latency("ms-lapsrn", 4, 13.0, more=wide)],
    )
    assert compare_runs(a, b, ["median_ms>5%"]).ok


def test_a_few_samples_are_not_judged(tmp_path: Path) -> None:
    few = {"samples_ms": [10.0] * 4, "rounds": [0, 1, 2, 3]}
    a, b = runs(
        tmp_path,
        [synthetic.latency("ms-lapsrn", 4, 10.0, more=few)],
        [synthetic.latency("ms-lapsrn", 4, 13.0)],
    )
    (change,) = [c for c in compare_runs(a, b).changes if c.figure == "median_ms"]
    assert change.note == "not judged: fewer than 5 samples"


def test_ways_to_compute_are_compared_with_themselves(tmp_path: Path) -> None:
    ways: tuple[dict[str, str], ...] = ({}, {"backend": "compile"}, {"dtype": "bfloat16"})
    records = [synthetic.latency("ms-lapsrn", 4, 10.0 + i, way=w) for i, w in enumerate(ways)]
    found = compare_runs(*runs(tmp_path, records, records)).changes
    assert sum(c.figure == "median_ms" for c in found) == 3
    assert all(change.difference == 0 for change in found)


def test_what_the_second_run_lacks_trips_a_gate_on_it(tmp_path: Path) -> None:
    failed = quality(status="failed", reason="out of memory")
    comparison = compare_runs(*runs(tmp_path, [quality()], [failed]), ["psnr_y<-0.02"])
    (reason,) = comparison.failures
    assert "out of memory" in reason
    assert compare_runs(tmp_path / "a", tmp_path / "b").ok


def test_what_the_first_run_lacks_trips_none(tmp_path: Path) -> None:
    more = synthetic.quality("lapsrn", 4, "Set14", shifted(0))
    comparison = compare_runs(*runs(tmp_path, [quality()], [quality(), more]), ["psnr_y<-0.02"])
    assert comparison.ok
    assert "LapSRN 4\u00d7 Set14: not in the first run" in comparison.text()


def test_a_gate_that_finds_nothing_guards_nothing_and_fails(tmp_path: Path) -> None:
    comparison = compare_runs(*runs(tmp_path, [quality()], [quality()]), ["median_ms>5%"])
    assert comparison.failures == ["median_ms>5%: neither run has anything to compare"]


def test_other_images_are_not_compared(tmp_path: Path) -> None:
    other = synthetic.quality("ms-lapsrn", 4, "Set14", shifted(0)[:13])
    comparison = compare_runs(*runs(tmp_path, [quality()], [other]), ["psnr_y<-0.02"])
    assert not comparison.changes
    assert "the runs saw other images" in comparison.failures[0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_odd_figures_are_told_and_nan_trips_gates(tmp_path: Path, value: float) -> None:
    odd = shifted(0)
    odd[3] = value
    after = synthetic.quality("ms-lapsrn", 4, "Set14", odd)
    comparison = compare_runs(*runs(tmp_path, [quality()], [after]), ["psnr_y<-0.02"])
    assert comparison.ok is (value == float("inf"))
    assert "no verdict" in comparison.text()


def test_markdown_escapes_names(tmp_path: Path) -> None:
    name = "<b>|x"
    before = synthetic.quality("ms-lapsrn", 4, "Set14", shifted(0), label=name)
    after = synthetic.quality("ms-lapsrn", 4, "Set14", shifted(1), label=name)
    shown = compare_runs(*runs(tmp_path, [before], [after])).markdown()
    assert "<b>" not in shown
    assert "&lt;b&gt;&#124;x" in shown


@pytest.mark.parametrize("gate", ["psnr_y", "psnr_y<", "psnr_y=3", "<3", "psnr_y<a", "psnr<-1", ""])
def test_gates_that_cannot_be_read_say_so(gate: str) -> None:
    with pytest.raises(ConfigError, match="gate"):
        parse_gate(gate)


@pytest.mark.parametrize("before", [0.0, 30.0, math.inf])
@pytest.mark.parametrize("gate", ["psnr_y<-1%", "psnr_y>1%", "psnr_y<-0.02"])
def test_nan_trips_every_gate(gate: str, before: float) -> None:
    assert parse_gate(gate).fails(before, math.nan)


def test_gates_round_trip() -> None:
    assert parse_gate(" psnr_y <= -2e-2 ").text == "psnr_y<=-0.02"
    assert parse_gate("median_ms>5 %").text == "median_ms>5%"


def rounded_otherwise(by: float, name: str = "ms-lapsrn") -> Record:
    """The values of :func:`quality`, each a little off."""
    return synthetic.quality(name, 4, "Set14", [value + by for value in shifted(0)])


@pytest.mark.parametrize("by", [-1.5e-7, 1.5e-7, -9e-5])
def test_float_noise_is_no_change_and_trips_no_gate(tmp_path: Path, by: float) -> None:
    after = rounded_otherwise(by)
    comparison = compare_runs(*runs(tmp_path, [quality()], [after]), ["psnr_y<0", "psnr_y>0"])
    assert comparison.ok, comparison.failures
    assert "Quality: 0 figures changed, 2 unchanged" in comparison.text()


def test_what_is_more_than_float_noise_is_a_change(tmp_path: Path) -> None:
    after = rounded_otherwise(-2e-4)
    assert not compare_runs(*runs(tmp_path, [quality()], [after]), ["psnr_y<-0.0001"]).ok


def test_a_latency_within_noise_is_not_counted_as_changed(tmp_path: Path) -> None:
    records = [synthetic.latency("ms-lapsrn", 4, median) for median in (10.0, 10.1)]
    text = compare_runs(*runs(tmp_path, records[:1], records[1:])).text()
    assert "Latency: 0 figures changed, " in text
    assert "within noise" in text


def of(variant: str, by: float, scale: int = 4, **more: Any) -> Record:
    return synthetic.quality(variant, scale, "Set14", shifted(by), **more)


def test_rows_of_different_names_are_compared_and_no_others(tmp_path: Path) -> None:
    before = [of("ms-lapsrn", 0), of("lapsrn", 0), of("ms-lapsrn", 0, 2)]
    after = [of("cms-lapsrn-conv3", -0.5), of("ms-lapsrn", 1.0), of("lapsrn", 2.0)]
    a, b = runs(tmp_path, before, after)
    comparison = compare_runs(a, b, ["psnr_y<-0.3"], {"ms-lapsrn": "cms-lapsrn-conv3"})
    (change,) = [change for change in comparison.changes if change.figure == "psnr_y"]
    assert change.difference == pytest.approx(-0.5, abs=0.01)
    assert "CMS-LapSRN (3rd Conv) against MS-LapSRN" in change.key.title
    assert [cell.why for cell in comparison.missing] == ["not in the second run"]
    assert len(comparison.failures) == 2


def test_another_programs_row_is_compared_with_a_network(tmp_path: Path) -> None:
    """Of another way to compute, but alone in its place."""
    other = synthetic.external("theirs", 4, "Set14", shifted(0.25))
    a, b = runs(tmp_path, [quality()], [other])
    (change, _) = compare_runs(a, b, names={"ms-lapsrn": "theirs"}).changes
    assert change.difference == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"ms-lapsrm": "ms-lapsrn"}, "unknown row of the first run: 'ms-lapsrm'"),
        ({"ms-lapsrn": "x"}, "unknown row of the second run: 'x'"),
    ],
)
def test_a_row_that_is_not_there_is_named(
    tmp_path: Path, names: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        compare_runs(*runs(tmp_path, [quality()], [quality()]), names=names)


@pytest.mark.parametrize(
    ("gate", "ok"),
    [
        ("lapsrn:psnr_y<-0.02", True),
        ("ms-lapsrn:psnr_y<-0.02", False),
        ("ms-*: psnr_y<-0.02", False),
        ("*:psnr_y<-0.6", True),
        ("bicubic:psnr_y<-0.02", False),  # Guards nothing.
    ],
)
def test_gates_of_one_variant(tmp_path: Path, gate: str, ok: bool) -> None:
    before, after = [of("lapsrn", 0), quality()], [of("lapsrn", 0), quality(-0.5)]
    assert compare_runs(*runs(tmp_path, before, after), [gate]).ok is ok
    assert parse_gate(gate).text == gate.replace(" ", "")


def test_json_holds_everything_unrounded(tmp_path: Path) -> None:
    odd = of("lapsrn", 0)
    infinite = rounded_otherwise(float("inf"), "lapsrn")
    a, b = runs(tmp_path, [quality(), odd, of("bicubic", 0)], [quality(-0.03), infinite])
    outcome = invoke(command, a, b, "--json", "--fail-if", "psnr_y<-0.02")
    assert outcome.return_value == 1
    found = json.loads(outcome.stdout)
    assert found["ok"] is False
    assert len(found["failures"]) == 2
    rows = {(row["variant"], row["figure"]): row for row in found["changes"]}
    assert rows["ms-lapsrn", "psnr_y"]["change"] == pytest.approx(-0.03, abs=1e-3)
    assert rows["ms-lapsrn", "psnr_y"]["verdict"] == "worse"
    assert rows["ms-lapsrn", "ssim_y"]["verdict"] == "unchanged"
    assert rows["lapsrn", "psnr_y"]["after"] == "inf"
    assert [row["variant"] for row in found["missing"]] == ["bicubic"]


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no folder `jobs`"):
        compare_runs(tmp_path, tmp_path)
