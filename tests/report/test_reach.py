"""How far our networks get: the paper's cells that are met, the gap to the authors' networks."""

from pathlib import Path

import numpy as np
import pytest

from harness.report.analysis import analyse
from harness.report.collect import collect
from harness.report.render import render_report
from harness.report.sections.paper.agreement import agreement_finding, met_table
from harness.report.sections.paper.authors import authors_table
from harness.report.sections.paper.comparisons import compare_with_paper
from harness.report.sections.pictures.dots import difference_plots
from harness.report.sections.quality.plots import scale_plots
from harness.report.summary import summary
from harness.report.table import Cell, Table
from tests.report import synthetic

MAT = "imported from MSLapSRN_D5R2.mat, SHA-256 4b2149"


def five(mean: float) -> list[float]:
    return (mean + np.array([-2.0, -1.0, 0.0, 1.0, 2.0])).tolist()


def cells(table: Table, title: str) -> dict[str, Cell]:
    (row,) = [row for row in table.rows if row.cells[0].text == title]
    return {column.key: cell for column, cell in zip(table.columns, row.cells, strict=True)}


@pytest.mark.parametrize(
    ("mean", "met", "sub"),
    [
        (31.475, "1 of 1", ""),
        (31.9, "1 of 1", ""),
        (31.43, "1 of 1", ""),
        (31.42, "0 of 1", "short by 0.060"),
    ],
)
def test_a_cell_is_met_where_it_is_reproduced_or_above(
    tmp_path: Path, mean: float, met: str, sub: str
) -> None:
    record = synthetic.quality("ms-lapsrn", 4, "Set5", five(mean))
    data = collect(synthetic.write_run(tmp_path, [record]))
    found = cells(met_table(compare_with_paper(data)), "MS-LapSRN")["psnr_y_met_4x"]
    assert (found.text, found.sub) == (met, sub)


def test_what_falls_short_is_counted_and_told_by_how_much(tmp_path: Path) -> None:
    base = np.linspace(-2, 2, 14)
    records = [
        synthetic.quality("ms-lapsrn", 4, "Set5", five(31.38)),
        synthetic.quality("ms-lapsrn", 4, "Set14", (28.19 - 0.07 + base).tolist()),
        synthetic.quality("ms-lapsrn", 2, "Set5", five(40)),
    ]
    data = collect(synthetic.write_run(tmp_path, records))
    table = met_table(compare_with_paper(data))
    found = cells(table, "MS-LapSRN")
    assert (found["psnr_y_met_4x"].text, found["psnr_y_met_4x"].value) == ("0 of 2", 0)
    assert found["psnr_y_met_4x"].sub == "short by 0.070 to 0.100"
    assert found["psnr_y_met_2x"].text == "1 of 1"
    assert [row.cells[0].text for row in table.rows] == ["MS-LapSRN"]
    assert "psnr_y_met_8x" not in found


def test_nothing_measured_is_no_table(tmp_path: Path) -> None:
    data = collect(synthetic.write_run(tmp_path, []))
    assert not met_table(compare_with_paper(data)).rows
    assert not authors_table(data).rows


def released(folder: Path, by: dict[str, float], origin: str = MAT) -> Path:
    """Ours and the authors' on two datasets: by how much ours is better."""
    values = 30 + 0.1 * np.arange(14)
    small = 1e-4 * np.sin(np.arange(14))
    return synthetic.write_run(
        folder,
        [
            record
            for dataset, better in by.items()
            for record in (
                synthetic.quality("ms-lapsrn", 4, dataset, (values + better + small).tolist()),
                synthetic.quality(
                    "ms-lapsrn",
                    4,
                    dataset,
                    values.tolist(),
                    weights_label="MSLapSRN_D5R2",
                    origin=origin,
                ),
            )
        ],
    )


@pytest.mark.parametrize("origin", [MAT, "file MSLapSRN_D5R2.mat"])
def test_the_gap_to_the_authors_is_told_cell_by_cell(tmp_path: Path, origin: str) -> None:
    run = released(tmp_path / "run", {"Set14": -0.03, "own": -0.2, "third": 0.01}, origin)
    table = authors_table(collect(run))
    found = cells(table, "MS-LapSRN less MSLapSRN_D5R2")
    assert found["delta_psnr_db_own_4x"].value == pytest.approx(-0.2, abs=1e-3)
    assert found["delta_psnr_db_own_4x"].marks == ("worse",)
    assert found["delta_psnr_db_third_4x"].marks == ("better",)
    (note,) = table.notes
    assert "below the authors' in 2 of 3 cells" in note
    assert "MS-LapSRN on own at 4\u00d7, 0.200 dB below MSLapSRN_D5R2" in note
    render_report(run, tmp_path / "report")
    assert note in (tmp_path / "report" / "report.md").read_text("utf-8").replace("\\_", "_")


def test_ours_may_be_nowhere_below(tmp_path: Path) -> None:
    (note,) = authors_table(collect(released(tmp_path / "one", {"Set14": 0.1}))).notes
    assert note == "Ours are not below the authors' in the one cell."
    two = collect(released(tmp_path / "two", {"Set14": 0.1, "own": 0.2}))
    assert authors_table(two).notes == ["Ours are not below the authors' in any of 2 cells."]


@pytest.mark.parametrize("how", [" (fast, format.mathematical)", f", recipe fast, from {MAT}"])
def test_weights_of_ours_are_not_the_authors(tmp_path: Path, how: str) -> None:
    run = released(tmp_path, {"Set14": 0.1}, f"trained by this project{how}")
    assert not authors_table(collect(run)).rows


def test_the_authors_networks_are_no_results_of_ours(tmp_path: Path) -> None:
    records = [
        synthetic.quality("ms-lapsrn", 4, "Set5", five(31.3)),
        synthetic.quality("ms-lapsrn", 4, "Set5", five(31.6), weights_label="theirs", origin=MAT),
    ]
    data = collect(synthetic.write_run(tmp_path, records))
    compared = compare_with_paper(data)
    finding = agreement_finding(compared)
    assert finding is not None
    assert finding.headline == "No network result (1 compared) meets the paper's Table 1."


@pytest.mark.parametrize(
    ("means", "headline"),
    [
        ([31.6], "The one network result meets the paper's Table 1."),
        ([31.6, 28.0], "1 of 2 network results meets the paper's Table 1."),
        ([31.6, 29.0], "2 of 2 network results meet the paper's Table 1."),
        ([31.3, 28.0], "No network result (2 compared) meets the paper's Table 1."),
    ],
)
def test_results_that_meet_the_paper_are_counted_in_words(
    tmp_path: Path, means: list[float], headline: str
) -> None:
    datasets = {"Set5": 5, "Set14": 14}
    records = [
        synthetic.quality("ms-lapsrn", 4, name, [mean] * n)
        for (name, n), mean in zip(datasets.items(), means, strict=False)
    ]
    finding = agreement_finding(compare_with_paper(collect(synthetic.write_run(tmp_path, records))))
    assert finding is not None
    assert finding.headline == headline


def test_no_row_is_left_out_of_the_drawings(tmp_path: Path) -> None:
    """The authors' network is of the baseline's variant, and is not the baseline."""
    data = collect(released(tmp_path, {"Set14": 0.1}))
    analysis = analyse(data, "ms-lapsrn")
    (by_scale,) = scale_plots(data, analysis)
    (by_image,) = difference_plots(data, analysis)
    for plot in (by_scale, by_image):
        assert "MS-LapSRN [MSLapSRN_D5R2]" in plot.svg


@pytest.mark.parametrize("mine", ["a", "z"])
def test_the_baseline_is_ours_whatever_its_weights_are_called(tmp_path: Path, mine: str) -> None:
    ours = f"trained by this project, recipe low-rate, from {MAT}"
    records = [
        synthetic.quality("ms-lapsrn", 4, "Set5", five(31.3), weights_label=mine, origin=ours),
        synthetic.quality("ms-lapsrn", 4, "Set5", five(31.6), weights_label="m", origin=MAT),
    ]
    data = collect(synthetic.write_run(tmp_path, records))
    assert analyse(data, "ms-lapsrn").baselines[4, "Set5"].weights == mine
    assert analyse(data, "ms-lapsrn@m").baselines[4, "Set5"].weights == "m"
    # All of ours share their weights' label, so it stands in the first lines instead.
    assert {row.title for row in data.rows} == {"MS-LapSRN", "MS-LapSRN [m]"}
    assert f"all but the authors' with weights {mine}" in summary(data, analyse(data, "ms-lapsrn"))
