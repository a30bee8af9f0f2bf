"""Sections are found by being there, stand in every format, and fail alone."""

import csv
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.metrics.registry import METRICS, Metric
from harness.report import document, sections
from harness.report.blocks import (
    Block,
    Bullets,
    Definitions,
    Details,
    Gallery,
    Heading,
    PlotBlock,
    TableBlock,
    paragraph,
    shown,
    walk,
)
from harness.report.collect import collect
from harness.report.document import compose, find_sections
from harness.report.render import render_report
from harness.report.section import Finding, Part, Section
from harness.report.table import Cell, Column, Row, Table, text_cell
from harness.report.text import any_of, fraction
from tests.report import synthetic

EXTRA = '''
"""A section of the test's own."""

from harness.report.blocks import Bullets, Details, Plot, PlotBlock, TableBlock, paragraph
from harness.report.section import Finding, Part, Section
from harness.report.table import Cell, Column, Row, Table, text_cell


def build(data, analysis):
    table = Table(
        "entropy",
        "Entropy per row",
        [Column("variant", "Variant", numeric=False), Column("bits", "Bits")],
        [Row([text_cell(row.title), Cell("7.1", value=7.125)]) for row in data.rows],
    )
    return Part(
        blocks=[
            paragraph("What <b>bits</b> say."),
            TableBlock(table),
            PlotBlock("Drawn bits", [Plot("bits-4x", "Bits drawn", "<svg></svg>", 4)]),
            Details("Folded bits", [Bullets(["one bit"])]),
        ],
        findings=[Finding(1, "Bits were found.", "Many of them.")],
        warnings=["Bits may be wrong."],
        files={"bits.txt": "7.125"},
    )


SECTION = Section(order=15, title="Entropy of images", nav="Entropy", build=build)
'''


Add = Callable[[str, str], None]


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """Writes the folder of a section where sections are looked for."""
    folder = tmp_path / "more"
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(folder)])
    names = []

    def write(name: str, code: str) -> None:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(code)
        names.append(name)

    yield write
    for name in names:
        sys.modules.pop(f"{sections.__name__}.{name}", None)


def run(folder: Path) -> Path:
    records = [
        synthetic.quality("ms-lapsrn", 4, "Set5", [30.0, 31.0, 32.0, 33.0, 34.0]),
        synthetic.quality("cms-lapsrn-conv3", 4, "Set5", [30.1, 31.1, 32.1, 33.0, 34.1]),
    ]
    return synthetic.write_run(folder / "run", records)


def test_a_folder_is_a_section_of_every_format(tmp_path: Path, add: Add) -> None:
    add("entropy", EXTRA)
    report = tmp_path / "report"
    render_report(run(tmp_path), report)
    html = (report / "report.html").read_text("utf-8")
    assert '<li><a href="#entropy-section">Entropy</a></li>' in html
    anchors = re.findall(r'<section id="([\w-]+)"', html)
    assert anchors[:4] == ["summary", "quality-section", "entropy-section", "paper"]
    for words in ("Entropy of images", "What &lt;b&gt;bits&lt;/b&gt; say.", "Bits were found."):
        assert words in html
    assert "<summary>Folded bits</summary>" in html
    assert "<li>Bits may be wrong.</li>" in html
    assert '<table id="entropy"' in html
    text = (report / "report.md").read_text("utf-8")
    assert "\n## Entropy of images\n\nWhat &lt;b&gt;bits&lt;/b&gt; say.\n" in text
    assert "1. **Bits were found.** Many of them." in text
    assert "\n> - Bits may be wrong." in text
    assert "![Bits drawn](plots/bits-4x.svg)" in text
    assert "<summary>Folded bits</summary>\n\n- one bit\n\n</details>" in text
    rows = list(csv.reader((report / "tables" / "entropy.csv").read_text("utf-8").splitlines()))
    assert rows == [
        ["variant", "bits"],
        ["MS-LapSRN", "7.125"],
        ["CMS-LapSRN (3rd Conv)", "7.125"],
    ]
    assert (report / "plots" / "bits-4x.svg").is_file()
    assert (report / "bits.txt").read_text() == "7.125"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def build(data, analysis):\n    return 1 / 0\n", "ZeroDivisionError: division by zero"),
        ("def build(data, analysis):\n    return Part(blocks=[7])\n", "7 is no block"),
        (
            "def build(*_):\n    return Part([TableBlock(Table('sharing', 'Mine', [], []))])\n",
            "another part of the report is called #sharing, too",
        ),
        (
            "def build(data, analysis):\n    return Part(files={'../outside.txt': 'x'})\n",
            "../outside.txt lies outside the report",
        ),
    ],
)
def test_a_section_that_fails_says_so_and_the_others_stand(
    tmp_path: Path, add: Add, code: str, why: str
) -> None:
    head = (
        "from harness.report.blocks import TableBlock\n"
        "from harness.report.section import Part, Section\n"
        "from harness.report.table import Table\n"
    )
    add("broken", f"{head}{code}SECTION = Section(99, 'Broken', 'Broken', build)\n")
    render_report(run(tmp_path), tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text("utf-8")
    sentence = "The section Broken could not be made"
    assert text.count(sentence) == 2, "in its place and as a warning"
    assert why.replace("#", "\\#").replace("_", "\\_") in text
    assert "## Results" in text
    assert not (tmp_path / "outside.txt").exists()


@pytest.mark.parametrize("code", ["SECTION = 1 / 0\n", "", "import no_such_module\n", "def (\n"])
def test_a_folder_that_is_no_section_says_so(tmp_path: Path, add: Add, code: str) -> None:
    add("torn", code)
    found = compose(collect(run(tmp_path)), "ms-lapsrn")
    assert [
        warning for warning in found.warnings if "The section torn could not be made" in warning
    ]
    assert "Results" in [chapter.section.title for chapter in found.shown]


def test_the_sections_that_are_there_are_in_order() -> None:
    found = find_sections()
    assert [section.name for section in found] == [
        "quality",
        "paper",
        "tradeoff",
        "pictures",
        "compression",
        "training",
        "cost",
        "latency",
        "method",
    ]
    assert len({section.anchor for section in found}) == len(found)


EMPTY: list[Block] = [
    TableBlock(Table("t", "T", [Column("a", "A")], [])),
    PlotBlock("P", []),
    Gallery([]),
    Bullets([]),
    Definitions([]),
    Details("D", []),
    Details("D", [Details("E", [Bullets([])])]),
]


@pytest.mark.parametrize("block", EMPTY, ids=lambda block: type(block).__name__)
def test_what_has_nothing_to_show_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: Block
) -> None:
    assert shown([block]) == []
    section = Section(5, "Nothing", "Nothing", lambda data, analysis: Part([block]))
    monkeypatch.setattr(document, "find_sections", lambda: [section])
    found = compose(collect(run(tmp_path)), "ms-lapsrn")
    assert found.shown == []
    # An empty table is still a CSV file: a program that reads it need not ask whether it is there.
    assert [table.name for table in found.tables] == (
        ["t"] if isinstance(block, TableBlock) else []
    )


def test_what_shows_something_is_shown() -> None:
    table = Table("t", "T", [Column("a", "A")], [Row([text_cell("x"), Cell("1", value=1)])])
    inner: list[Block] = [Heading("H"), TableBlock(table)]
    blocks: list[Block] = [paragraph("x"), Bullets(["x"]), Definitions([("a", "b")])]
    blocks.append(Details("D", inner))
    assert shown(blocks) == blocks
    assert list(walk(blocks))[-2:] == inner


def test_the_three_findings_of_the_lowest_rank_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def section(order: int, *ranks: int) -> Section:
        part = Part(findings=[Finding(rank, f"F{rank}.", "") for rank in ranks])
        return Section(
            order, str(order), str(order), lambda data, analysis: part, anchor=str(order)
        )

    monkeypatch.setattr(document, "find_sections", lambda: [section(1, 40, 5), section(2, 10, 30)])
    found = compose(collect(run(tmp_path)), "ms-lapsrn")
    assert [finding.rank for finding in found.findings] == [5, 10, 30]


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(1, 1, "the one row"), (1, 2, "1 of 2 rows"), (0, 1, "0 of 1 row"), (5, 5, "5 of 5 rows")],
)
def test_parts_of_one_are_english(part: int, whole: int, words: str) -> None:
    assert fraction(part, whole, "row") == words
    assert any_of(whole, "row") in ("the one row", f"any of {whole} rows")


def test_a_network_of_another_program_stands_in_the_plots(tmp_path: Path) -> None:
    values = [30.0 + 0.1 * i for i in range(14)]
    records = [
        synthetic.quality("ms-lapsrn", 4, "Set14", values),
        synthetic.quality("cms-lapsrn-conv3", 4, "Set14", [v - 0.01 for v in values]),
        synthetic.external("Other net", 4, "Set14", [v + 0.2 + 0.01 * v for v in values]),
        synthetic.quality("bicubic", 4, "Set14", [v - 2 for v in values]),
        synthetic.cost("ms-lapsrn", 4, 2000, 1e9),
        synthetic.cost("cms-lapsrn-conv3", 4, 1000, 1e9),
    ]
    folder = synthetic.write_run(tmp_path / "run", records)
    render_report(folder, tmp_path / "report")
    for name in ("params-4x-1-set14", "differences-4x-1-set14", "scales-1-set14"):
        drawn = (tmp_path / "report" / "plots" / f"{name}.svg").read_text("utf-8")
        assert "Other net" in drawn, name
        assert "Bicubic" not in drawn, name
    text = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert "A dotted line, as its cost is not known: Other net." in text
    assert "no network: Bicubic" in text


def test_a_scored_program_hides_no_seeds(tmp_path: Path) -> None:
    values = [30.0 + 0.1 * i for i in range(14)]
    records = [
        synthetic.quality("ms-lapsrn", 4, "Set14", values, weights_label=f"short_seed{seed}")
        for seed in range(2)
    ]
    records.append(synthetic.external("Other net", 4, "Set14", values))
    data = collect(synthetic.write_run(tmp_path, records))
    assert len(data.rows) == 3


@pytest.mark.parametrize("measured", [True, False])
def test_a_metric_that_the_paper_has_not_breaks_no_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: bool
) -> None:
    mae = Metric("mae_y", "MAE", "levels", 3, lambda pair: 0.0, higher_is_better=False)
    monkeypatch.setitem(METRICS, mae.key, mae)
    record = synthetic.quality("ms-lapsrn", 4, "Set5", [30.0, 31.0, 32.0, 33.0, 34.0])
    if measured:
        images = [{**image, "mae_y": 1.25} for image in record.as_dict()["result"]["images"]]
        record = synthetic.changed(record, result={"mae_y": 1.25, "images": images})
    folder = synthetic.write_run(tmp_path / "run", [record])
    found = compose(collect(folder), "ms-lapsrn")
    assert not [warning for warning in found.warnings if "could not be made" in warning]
    render_report(folder, tmp_path / "report")
    rows = (tmp_path / "report" / "tables" / "statistics.csv").read_text("utf-8").splitlines()
    assert [",1.25," in row for row in rows if ",mae_y," in row] == [measured]
    assert "of the paper's MAE" not in (tmp_path / "report" / "report.md").read_text("utf-8")
