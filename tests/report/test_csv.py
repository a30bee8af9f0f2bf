"""``tables/*.csv`` are data: one fact a row, figures that parse, nothing of the page missing."""

import io
import math
from unittest.mock import patch

import pandas as pd
import pytest

from harness.report import curves
from harness.report.collect import collect
from harness.report.document import Document, compose
from harness.report.table import Cell, Column, Row, Table, text_cell
from harness.report.text import NONE
from tests.report import golden, synthetic


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """Of a run with something of everything: failures, infinities, seeds."""
    run = synthetic.write_run(tmp_path_factory.mktemp("run"), golden.records(), synthetic.RUN)
    with patch.object(curves, "manifest", synthetic.manifest):
        return compose(collect(run), "ms-lapsrn")


def frame(table: Table) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(table.csv()))


def test_numeric_columns_are_numbers_and_names_are_words(document: Document) -> None:
    assert len(document.tables) > 12
    for table in filter(lambda table: table.rows, document.tables):
        found = frame(table)
        for column in table.columns:
            kind = found[column.csv_key].dtype.kind
            assert not column.numeric or kind in "if", (table.name, column.csv_key, kind)
        # No name of a network, scale or dataset is part of a heading.
        for head in found.columns:
            assert not any(word in head for word in ("2x", "4x", "Set14", "CMS", " ")), head


def test_each_row_is_a_fact_of_its_own(document: Document) -> None:
    for table in document.tables:
        found = frame(table)
        assert not found.duplicated().any(), table.name


def test_every_figure_of_the_page_is_in_the_file_that_it_names(document: Document) -> None:
    files = {table.name: table.csv() for table in document.tables}
    for table in document.tables:
        numbers = {
            float(word)
            for word in files[table.name].replace("\n", ",").split(",")
            if word and word[0] in "-0123456789" and _is_number(word)
        }
        for row in table.rows:
            for cell, column in zip(row.cells, table.columns, strict=True):
                figure = cell.value
                if column.numeric and isinstance(figure, float | int) and math.isfinite(figure):
                    assert figure in numbers, (table.name, column.key)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def test_intervals_and_flags_stand_beside_latency(document: Document) -> None:
    (table,) = [table for table in document.tables if table.name == "latency"]
    found = frame(table)
    done = found[found.status == "done"]
    assert ((done.median_ms_low <= done.median_ms) & (done.median_ms <= done.median_ms_high)).all()
    assert set(found.is_noisy.dropna()) <= {True, False}
    assert {"p95_ms", "threads", "lr_width", "speed_to_baseline_low"} <= set(found.columns)


def test_columns_that_tell_things_apart_become_rows() -> None:
    columns = [
        Column("name", "Name", numeric=False),
        Column("gain_a", "A", of={"scale": 2, "dataset": "A"}, fact="gain_db"),
        Column("gain_b", "B", of={"scale": 4, "dataset": "B"}, fact="gain_db"),
    ]
    first = Row([text_cell("x"), Cell("1.0", value=1.0, also={"low": 0.5}), Cell(NONE)])
    second = Row([text_cell("=y"), Cell("2.5", value=2.5), Cell("3", value=3.0)])
    lines = Table("t", "T", columns, [first, second]).csv().splitlines()
    assert lines == [
        "name,scale,dataset,gain_db,low",
        "x,2,A,1,0.5",
        "'=y,2,A,2.5,",
        "'=y,4,B,3,",
    ]


def test_a_column_that_says_the_same_everywhere_is_for_csv_alone() -> None:
    columns = [Column("name", "Name", numeric=False), Column("one", "One"), Column("two", "Two")]
    rows = [Row([text_cell(n), Cell("7", value=7.0), Cell(n, value=float(n))]) for n in "12"]
    table = Table("t", "T", columns, rows).hiding_constant("one", "two")
    assert [column.key for column in table.page.columns] == ["name", "two"]
    assert table.csv().splitlines() == ["name,one,two", "1,7,1", "2,7,2"]
    assert "One" not in table.markdown()
