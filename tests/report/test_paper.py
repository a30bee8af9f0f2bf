"""The paper's table, and the marks of our figures against it."""

from pathlib import Path

import numpy as np
import pytest

from harness.metrics.registry import PSNR
from harness.report import paper
from harness.report.analysis import analyse
from harness.report.blocks import Details, shown
from harness.report.collect import collect
from harness.report.sections.paper import SECTION
from harness.report.sections.paper.comparisons import Comparison, compare_with_paper, paper_tables
from tests.report import synthetic


def compared(
    folder: Path, *records: object, run: dict[str, object] | None = None
) -> list[Comparison]:
    synthetic.write_run(folder, records, run)  # type: ignore[arg-type]
    return compare_with_paper(collect(folder))


def cell(cells: list[Comparison], row: str, dataset: str = "Set5", scale: int = 4) -> Comparison:
    (found,) = [
        c
        for c in cells
        if (c.paper_row, c.dataset, c.scale, c.metric) == (row, dataset, scale, PSNR)
    ]
    return found


def five(mean: float) -> list[float]:
    return (mean + np.array([-2.0, -1.0, 0.0, 1.0, 2.0])).tolist()


def test_table_1_is_whole() -> None:
    table = paper.paper_table()
    assert len(table) == 6 * 3 * 5
    assert table["CMS-LapSRN (3rd Conv)", 8, "Set14"].psnr_y == 24.68
    assert table["Bicubic", 2, "Urban100"].ssim_y == 0.841


@pytest.mark.parametrize(
    ("mean", "mark"),
    [(31.48, "reproduced"), (31.53, "reproduced"), (31.54, "above"), (31.42, "below")],
)
def test_marks_by_tolerance(tmp_path: Path, mean: float, mark: str) -> None:
    cells = compared(tmp_path, synthetic.quality("ms-lapsrn", 4, "Set5", five(mean)))
    assert cell(cells, "MS-LapSRN").mark == mark
    assert cell(cells, "MS-LapSRN").delta == pytest.approx(mean - 31.48)


def test_what_was_not_measured_says_why(tmp_path: Path) -> None:
    cells = compared(
        tmp_path,
        synthetic.quality("bicubic", 4, "Set5", five(28.43)),
        synthetic.quality("ms-lapsrn", 4, "Set5", [], status="no_weights", reason="none ship"),
        run={"datasets": [{"name": "Manga109", "status": "not found", "reason": "bring your own"}]},
    )
    assert cell(cells, "MS-LapSRN").why == "none ship"
    assert cell(cells, "MS-LapSRN", "Manga109").why == "bring your own"
    assert cell(cells, "MS-LapSRN", "BSDS100").why == "not in this run"
    notes = [note for table in paper_tables(collect(tmp_path), cells) for note in table.notes]
    assert any("MS-LapSRN on Set5: none ship" in note for note in notes)


def test_a_run_of_other_data_shows_no_empty_table(tmp_path: Path) -> None:
    cells = compared(tmp_path, synthetic.quality("ms-lapsrn", 4, "mine", [30.0]))
    assert paper_tables(collect(tmp_path), cells) == []


def test_part_of_a_dataset_is_not_compared(tmp_path: Path) -> None:
    cells = compared(tmp_path, synthetic.quality("ms-lapsrn", 4, "Set5", [31.0, 32.0]))
    assert cell(cells, "MS-LapSRN").mark == "not measured"
    assert "2 of 5 images" in cell(cells, "MS-LapSRN").why


def test_another_protocol_is_not_compared(tmp_path: Path) -> None:
    record = synthetic.quality("ms-lapsrn", 4, "Set5", five(31.48), protocol="python_y")
    cells = compared(tmp_path, record)
    assert cell(cells, "MS-LapSRN").mark == "not measured"
    assert "python_y" in cell(cells, "MS-LapSRN").why


def test_each_set_of_weights_is_a_row_and_the_best_is_marked(tmp_path: Path) -> None:
    cells = compared(
        tmp_path,
        synthetic.quality("ms-lapsrn", 4, "Set5", five(31.48)),
        synthetic.quality("ms-lapsrn", 4, "Set5", five(31.62), weights_label="mine"),
    )
    (table,) = [t for t in paper_tables(collect(tmp_path), cells) if t.name == "paper-4x"]
    rows = {row.cells[0].text: row.cells[1] for row in table.rows}
    assert "best" in rows["MS-LapSRN [mine]"].marks
    assert "best" not in rows["MS-LapSRN"].marks


def test_weights_of_another_scale_make_no_empty_row(tmp_path: Path) -> None:
    cells = compared(
        tmp_path,
        synthetic.quality("lapsrn", 4, "Set5", five(31.5), weights_label="x4"),
        synthetic.quality("lapsrn", 2, "Set5", [], status="no_weights", weights_label="none"),
    )
    titles = {
        scale: {
            c.row.title for c in cells if c.paper_row == "LapSRN" and c.scale == scale and c.row
        }
        for scale in (2, 4)
    }
    assert titles == {2: {"LapSRN"}, 4: {"LapSRN [x4]"}}


def test_rounding_to_the_printed_digit() -> None:
    assert paper.equals_printed(33.6949, 33.69, 2)
    assert not paper.equals_printed(33.6961, 33.69, 2)


def test_a_run_of_other_data_has_no_fold_with_nothing_in_it(tmp_path: Path) -> None:
    synthetic.write_run(tmp_path, [synthetic.quality("ms-lapsrn", 4, "mine", [30.0] * 12)])
    data = collect(tmp_path)
    blocks = shown(SECTION.build(data, analyse(data, "ms-lapsrn")).blocks)
    assert not any(isinstance(block, Details) for block in blocks)


def test_a_run_of_other_data_asks_nothing_of_the_paper(tmp_path: Path) -> None:
    records = [synthetic.quality("ms-lapsrn", 4, "mine", [30.0] * 12)]
    synthetic.write_run(tmp_path / "other", records)
    data = collect(tmp_path / "other")
    assert not SECTION.build(data, analyse(data, "ms-lapsrn")).blocks
    records.append(synthetic.quality("ms-lapsrn", 4, "Set5", five(31.5)))
    synthetic.write_run(tmp_path / "both", records)
    data = collect(tmp_path / "both")
    assert SECTION.build(data, analyse(data, "ms-lapsrn")).blocks
