"""Latency as the report tells it: speeds, what they cost, and what bears on believing them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.jobs.base import Record
from harness.measure import BUSY_PERCENT
from harness.report.analysis import analyse
from harness.report.collect import collect
from harness.report.data import ReportData
from harness.report.render import render_report
from harness.report.sections.compression.findings import findings
from harness.report.sections.latency.equally_fast import equally_fast
from harness.report.sections.latency.fastest import fastest
from harness.report.sections.latency.latencies import (
    latency_table,
    latency_tables,
    speed_table,
)
from harness.report.sections.latency.warnings import latency_warnings
from harness.report.sections.method.method import environment
from harness.report.table import Cell, Table
from tests.report import synthetic

BF16: dict[str, Any] = {"dtype": "bfloat16", "backend": "compile"}
PLAIN: dict[str, Any] = {}
OLDER = {
    "rounds": None,
    "group": None,
    "warmup_stable": None,
    "reference": {"channels": 64, "height": 256, "width": 256, "gflops": 177.0},
}


def read(folder: Path, *records: Record) -> ReportData:
    return collect(synthetic.write_run(folder, records))


def cells(table: Table, title: str) -> dict[str, Cell]:
    """A row by its first cell, by column."""
    (row,) = [row for row in table.rows if row.cells[0].text == title]
    return {column.key: cell for column, cell in zip(table.columns, row.cells, strict=True)}


def test_speeds_stand_beside_the_baseline_and_the_own_plain_way(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        synthetic.latency("ms-lapsrn", 4, 20.0),
        synthetic.latency("cms-lapsrn-conv3", 4, 24.0),
        synthetic.latency("ms-lapsrn", 4, 5.0, way=BF16, noisy=True),
    )
    table = latency_table(data, "ms-lapsrn")
    slower = cells(table, "CMS-LapSRN (3rd Conv)")
    assert slower["speed_to_baseline"].value == pytest.approx(20 / 24, rel=0.02)
    assert re.fullmatch(r"\u25bc 1\d\.\d % to 1\d\.\d % slower", slower["speed_to_baseline"].sub)
    assert slower["speed_to_eager_float32"].note == "this row itself"
    fast = cells(table, "MS-LapSRN [bfloat16, compile]")
    assert fast["speed_to_eager_float32"].value == pytest.approx(4, rel=0.02)
    assert fast["speed_to_eager_float32"].sub.endswith("times as fast, noisy")
    assert fast["speed_to_baseline"].note == "this row itself"
    (row,) = [row for row in speed_table(data, "ms-lapsrn").rows if row.cells[-2].value == "faster"]
    assert row.cells[1].value == "compile bfloat16 channels_last"
    assert row.cells[7].value < row.cells[6].value < row.cells[8].value  # type: ignore[operator]


def test_what_did_not_take_turns_has_no_verdict_and_says_why(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        synthetic.latency("ms-lapsrn", 4, 20.0),
        synthetic.latency("cms-lapsrn-conv3", 4, 24.0, more={"group": "ff"}),
        synthetic.latency("cms-lapsrn-conv1", 4, 24.0, way={"threads": "1"}),
    )
    table = latency_table(data, "ms-lapsrn")
    other = cells(table, "CMS-LapSRN (3rd Conv)")["speed_to_baseline"]
    assert (other.sub, other.marks) == ("no verdict", ("quiet",))
    assert any("in different processes" in note for note in table.notes)
    elsewhere = cells(table, "CMS-LapSRN (1st Conv)")["speed_to_baseline"]
    assert elsewhere.value is None
    assert "not measured here" in elsewhere.note


def test_older_records_still_render(tmp_path: Path) -> None:
    old = synthetic.latency("ms-lapsrn", 4, 20.0, more=OLDER)
    nothing = {**OLDER, "gflops": 0.0, "share_of_reference": 0.0}
    bicubic = synthetic.latency("bicubic", 4, 1.0, more=nothing)
    older = synthetic.latency("cms-lapsrn-conv3", 4, 24.0, more={**OLDER, "gflops": None})
    stored = older.as_dict()
    del stored["spec"]["memory_format"]
    older = synthetic.record("latency", stored["spec"], stored["result"])
    table = latency_table(read(tmp_path, old, older, bicubic), "ms-lapsrn")
    found = cells(table, "CMS-LapSRN (3rd Conv)")
    assert found["speed_to_baseline"].value == pytest.approx(20 / 24, rel=0.02)
    assert any("do not say which passes took turns" in note for note in table.notes)
    assert any("3\u00d73 convolution of 64 channels" in note for note in table.notes)
    assert found["gflops"].text == "\u2013"
    assert cells(table, "Bicubic")["share_of_reference"].text == "\u2013"


def test_the_roofline_is_named(tmp_path: Path) -> None:
    data = read(tmp_path, synthetic.latency("ms-lapsrn", 4, 10.0))
    table = latency_table(data, "ms-lapsrn")
    assert cells(table, "MS-LapSRN")["share_of_reference"].text == "75 %"
    (note,) = [note for note in table.notes if "reference" in note]
    assert "faster of a large convolution and a GEMM" in note
    assert "160 GFLOP/s in float32" in note


def test_the_worst_loss_stands_beside_the_speed(tmp_path: Path) -> None:
    values = 30 + 0.1 * np.arange(14)
    records = [
        synthetic.quality("ms-lapsrn", 4, dataset, (values + by).tolist(), **way)
        for dataset, loss in (("Set14", 0.002), ("own", 0.03))
        for by, way in ((0.0, PLAIN), (-loss, BF16))
    ]
    data = read(
        tmp_path,
        *records,
        synthetic.latency("ms-lapsrn", 4, 5.0, way=BF16),
        synthetic.latency("ms-lapsrn", 4, 4.0, way={"dtype": "float16"}),
        synthetic.latency("ms-lapsrn", 4, 9.0),
    )
    table = latency_table(data, "ms-lapsrn")
    loss = cells(table, "MS-LapSRN [bfloat16, compile]")["psnr_loss_db"]
    assert (loss.text, loss.sub) == ("\u22120.030", "own")
    assert "Set14 \u22120.002" in loss.note
    unknown = cells(table, "MS-LapSRN [float16]")["psnr_loss_db"]
    assert unknown.value is None
    assert unknown.note == "no quality was measured with float16, eager"
    assert any("not known of MS-LapSRN [float16] 4\u00d7" in note for note in table.notes)
    assert cells(table, "MS-LapSRN")["psnr_loss_db"].marks == ("quiet",)


def test_a_variants_plain_row_is_what_its_name_means(tmp_path: Path) -> None:
    values = 30 + 0.1 * np.arange(14)
    rows = [
        synthetic.quality(name, 4, "Set14", (values + by).tolist(), **way)
        for name, by in (("ms-lapsrn", 0.0), ("cms-lapsrn-conv3", -0.1))
        for way in (PLAIN, BF16)
    ]
    rows += [synthetic.cost("ms-lapsrn", 4, 2000, 1e9)]
    rows += [synthetic.cost("cms-lapsrn-conv3", 4, 1000, 1e9)]
    data = read(tmp_path, *rows)
    analysis = analyse(data, "ms-lapsrn")
    assert analysis.baseline_title == "MS-LapSRN"
    # The same network in another way is no second network to choose from.
    assert "the one smaller network" in findings(data, analysis)[0].detail


def test_a_loss_is_only_of_the_same_images(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        synthetic.quality("ms-lapsrn", 4, "own", [30.0, 31.0]),
        synthetic.quality("ms-lapsrn", 4, "own", [30.0], **BF16),
        synthetic.latency("ms-lapsrn", 4, 5.0, way=BF16),
    )
    cell = cells(latency_table(data, "ms-lapsrn"), "MS-LapSRN [bfloat16, compile]")["psnr_loss_db"]
    assert cell.note == "other images than eager float32's"


def test_a_gpu_tells_its_memory_and_its_conditions(tmp_path: Path) -> None:
    more = {
        "peak_memory_bytes": 3 * 2**20,
        "tf32": {"matmul": False, "cudnn": True},
        "cudnn_benchmark": True,
        "clocks": {"sm_mhz": 1980},
    }
    gpu = synthetic.latency("ms-lapsrn", 4, 1.0, way={"device": "cuda"}, more=more)
    cpu = synthetic.latency("lapsrn", 4, 9.0, more={"tf32": True, "cudnn_benchmark": False})
    with_gpu = read(tmp_path / "gpu", gpu, cpu)
    assert cells(latency_table(with_gpu, ""), "MS-LapSRN")["peak_memory_bytes"].text == "3.0 MiB"
    pairs = dict(environment(with_gpu))
    assert pairs["TF32"] == "matmul off, cudnn on"
    assert pairs["cuDNN autotune"] == "on"
    assert pairs["GPU clocks"] == "sm mhz 1980"
    without = read(tmp_path / "cpu", cpu)
    assert "peak_memory_bytes" not in {c.key for c in latency_table(without, "").page.columns}
    assert "TF32" not in dict(environment(without))


def test_percentiles_may_be_missing(tmp_path: Path) -> None:
    data = read(tmp_path, synthetic.latency("lapsrn", 4, 9.0, more={"p5_ms": None, "p95_ms": None}))
    assert cells(latency_table(data, ""), "LapSRN")["p5_ms"].text == "\u2013"


@pytest.mark.parametrize(
    "more", [{"rounds": [0, 1]}, {"rounds": [0.5] * 40}, {"samples_ms": ["x"] * 40}]
)
def test_rounds_that_are_no_rounds_are_told(tmp_path: Path, more: dict[str, object]) -> None:
    data = read(tmp_path, synthetic.latency("lapsrn", 4, 9.0, more=more))
    assert not data.latency
    assert "has not the layout of a latency record" in data.problems[0]


def warnings(data: ReportData) -> str:
    return "\n".join(latency_warnings(data))


def test_a_busy_machine_and_noise_are_told(tmp_path: Path) -> None:
    quiet = synthetic.latency("lapsrn", 4, 9.0, more={"busy_percent": float(BUSY_PERCENT)})
    assert "processors" not in warnings(read(tmp_path / "quiet", quiet))
    assert "noisy" not in warnings(read(tmp_path / "quiet"))
    busy = synthetic.latency("ms-lapsrn", 4, 9.0, noisy=True, more={"busy_percent": 63.2})
    found = warnings(read(tmp_path / "busy", quiet, busy))
    assert "up to 63 % of the processors" in found
    assert "noisy in 1 of 2 rows: " in found
    assert "Noisy: MS-LapSRN 4\u00d7." in found
    assert "not known to the target in the time allowed" in found


def test_nowhere_does_a_median_move(tmp_path: Path) -> None:
    records = [synthetic.latency("lapsrn", 4, 9.0, noisy=True)]
    render_report(synthetic.write_run(tmp_path / "run", records), tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert "median was not known to the target in the time allowed" in text
    assert "still moving" not in text


def test_a_warm_up_that_did_not_settle_is_told(tmp_path: Path) -> None:
    data = read(tmp_path, synthetic.latency("lapsrn", 4, 9.0, more={"warmup_stable": False}))
    assert any("In the one row the time of a pass" in n for n in latency_table(data, "").notes)


def headlines(data: ReportData) -> list[str]:
    finding = fastest(data)
    return [finding.headline] if finding else []


def test_one_is_called_the_fastest_only_if_shown(tmp_path: Path) -> None:
    base = synthetic.latency("ms-lapsrn", 4, 20.0)
    data = read(tmp_path / "clear", base, synthetic.latency("lapsrn", 4, 15.0))
    assert headlines(data) == ["LapSRN is the fastest network at 4\u00d7."]
    close = [synthetic.latency("lapsrn", 4, 20.1), synthetic.latency("cms-lapsrn-conv1", 4, 30.0)]
    data = read(tmp_path / "close", base, *close)
    (headline,) = headlines(data)
    assert headline.endswith("are the fastest at 4\u00d7 and not told apart.")
    assert "MS-LapSRN" in headline
    assert "CMS" not in headline


def test_slower_in_every_round_is_no_tie(tmp_path: Path) -> None:
    names = ["lapsrn", *(f"cms-lapsrn-conv{n}" for n in range(1, 6)), "ms-lapsrn"]
    times = [5.0, 20.0, 21.0, 22.0, 23.0, 24.0]
    few = {"samples_ms": [9.0] * 10, "rounds": list(range(10)), "n": 10}
    rested = synthetic.latency(names[-1], 4, 9.0, more=few)
    records = [synthetic.latency(n, 4, t) for n, t in zip(names, times, strict=False)]
    finding = fastest(read(tmp_path, *records, rested))
    assert finding is not None
    assert finding.headline == "LapSRN is the fastest network at 4\u00d7."
    assert "faster than 5 of the other 6 rows" in finding.detail
    assert "MS-LapSRN took more time in every round" in finding.detail
    assert "10 rounds only, too few to hold beside 21 pairs" in finding.detail


def test_as_fast_is_said_of_what_lies_within_the_margin_everywhere(tmp_path: Path) -> None:
    def timed(name: str, scale: int, ms: float, **way: str) -> Record:
        # Known to a tenth of a percent.
        samples = [ms * (1 + 0.001 * (n % 3 - 1)) for n in range(30)]
        more = {"samples_ms": samples, "rounds": list(range(30)), "n": 30}
        return synthetic.latency(name, scale, ms, way=way, more=more)

    records = [timed("ms-lapsrn", scale, 20.0 * scale) for scale in (2, 4)]
    records += [timed("cms-lapsrn-conv1", scale, 20.05 * scale) for scale in (2, 4)]
    records += [timed("cms-lapsrn-conv3", scale, (20.0 + scale) * scale) for scale in (2, 4)]
    records += [timed("cms-lapsrn-conv5", 2, 40.0), timed("cms-lapsrn-conv5", 4, 80.9)]
    records += [timed("cms-lapsrn-conv2", 2, 40.0, backend="compile")]
    data = read(tmp_path, *records)
    finding = equally_fast(data, analyse(data, "ms-lapsrn"))
    assert finding is not None
    assert finding.headline == "CMS-LapSRN (1st Conv) is as fast as MS-LapSRN."
    assert finding.detail.startswith("Within 1 % at 2\u00d7 and 4\u00d7: from 0.")
    alone = read(tmp_path / "alone", *records[:2], *records[4:6])
    assert equally_fast(alone, analyse(alone, "ms-lapsrn")) is None


def test_without_pairs_none_is_called_the_fastest(tmp_path: Path) -> None:
    records = [synthetic.latency(n, 4, t, more=OLDER) for n, t in (("lapsrn", 5), ("ms-lapsrn", 9))]
    assert headlines(read(tmp_path, *records)) == []


def test_each_machine_has_a_table_of_its_own(tmp_path: Path) -> None:
    """The one with the most rows first; all rows stand in one CSV file."""
    names = ("ms-lapsrn", "lapsrn", "cms-lapsrn-conv3")
    other = {"device_name": "Another processor"}
    records = [synthetic.latency(name, 4, 20.0) for name in names]
    records += [synthetic.latency(name, 4, 9.0, way=other) for name in names[:2]]
    run = synthetic.write_run(tmp_path / "run", records)
    data = collect(run)
    first, second = latency_tables(data, "ms-lapsrn")
    assert (first.name, len(first.rows)) == ("latency", 3)
    assert (second.name, len(second.rows)) == ("latency-2", 2)
    assert "Another processor" in second.caption
    assert "place" not in {column.key for column in first.page.columns}
    render_report(run, tmp_path / "report")
    lines = (tmp_path / "report" / "tables" / "latency.csv").read_text("utf-8").splitlines()
    assert len(lines) == 1 + 5
    assert not (tmp_path / "report" / "tables" / "latency-2.csv").exists()


@pytest.mark.parametrize(
    ("ms", "form"),
    [(20.0, r"[01]\.\d{3}"), (0.4, r"\d\d\.\d\d"), (0.1, r"\d{3}\.\d"), (0.01, r"\d,\d{3}")],
)
def test_a_ratio_has_four_digits(tmp_path: Path, ms: float, form: str) -> None:
    records = synthetic.latency("ms-lapsrn", 4, 20.0), synthetic.latency("bicubic", 4, ms)
    table = latency_table(read(tmp_path, *records), "ms-lapsrn")
    assert re.fullmatch(f"{form}\u00d7", cells(table, "Bicubic")["speed_to_baseline"].text)
