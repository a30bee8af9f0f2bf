"""Tables as data: one description that HTML, Markdown, CSV and LaTeX render from."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from harness.report.text import Markdown, for_csv, for_markdown

Value = str | float | None


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what people read.
        value: unrounded figure (or text) for sorting and for CSV; None sorts last.
        note: why, or what it means: a tooltip in HTML.
        marks: CSS classes out of a fixed set: ``best``, ``missing``, ``better``, ``worse``,
            ``same``, ``reproduced``, ``above``, ``below``, ``warn``, ``quiet``.
        sub: a second, smaller line; what follows a line break goes to a third one where a page
            is narrow.
    """

    text: str
    value: Value = None
    note: str = ""
    marks: tuple[str, ...] = ()
    sub: str = ""

    @property
    def sort_key(self) -> str:
        """For the HTML's sorting: a plain number or the text."""
        if isinstance(self.value, float | int):
            return "" if math.isnan(self.value) else repr(float(self.value))
        return self.value or ""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: heading in CSV: unit included.
        head: heading for people.
        note: what the column says: a tooltip in HTML.
        numeric: right-aligned and sorted as numbers.
    """

    key: str
    head: str
    note: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Row:
    """One row; scale and dataset are what the switches go by.

    Attributes:
        group: a heading above the first of several rows that follow each other; empty for none.
    """

    cells: Sequence[Cell]
    scale: int | None = None
    dataset: str | None = None
    marks: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a stable name, which is also its anchor and its CSV file's stem."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[str] = field(default=())

    def by_scale(self) -> "list[Table]":
        """One table per scale of its rows, for pages without a switch."""
        scales = sorted({row.scale for row in self.rows if row.scale is not None})
        return [
            replace(
                self,
                name=f"{self.name}-{scale}x",
                caption=f"{self.caption}: {scale}\u00d7",
                rows=[row for row in self.rows if row.scale == scale],
            )
            for scale in scales
        ]

    def columns_of(self, scale: int) -> "Table":
        """The first column, and those whose key ends in a scale."""
        ends = f"_{scale}x"
        kept = [i for i, c in enumerate(self.columns) if i == 0 or c.key.endswith(ends)]
        return replace(
            self,
            name=f"{self.name}-{scale}x",
            caption=f"{self.caption}: {scale}\u00d7",
            columns=[self.columns[i] for i in kept],
            rows=[replace(row, cells=[row.cells[i] for i in kept]) for row in self.rows],
        )

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        """Rows under their headings, in order."""
        return [(name, list(rows)) for name, rows in groupby(self.rows, lambda row: row.group)]

    def markdown(self) -> Markdown:
        """As a GitHub table; foreign text is escaped."""
        head: list[str] = [for_markdown(column.head) for column in self.columns]
        rule = ["---:" if column.numeric else "---" for column in self.columns]
        rows: list[list[str]] = []
        for group, members in self.groups:
            if group:
                rows.append([f"**{for_markdown(group)}**", *[""] * (len(head) - 1)])
            rows += [[_markdown_cell(cell) for cell in row.cells] for row in members]
        return Markdown("\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows]))

    def csv(self) -> str:
        """Unrounded values; a numeric column holds numbers or nothing, and no sentences."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.key for column in self.columns])
        for row in self.rows:
            cells = zip(self.columns, row.cells, strict=True)
            writer.writerow([_csv_cell(cell, numeric=column.numeric) for column, cell in cells])
        return file.getvalue()


def missing(reason: str) -> Cell:
    """A cell that was not measured, and why."""
    return Cell("not measured", note=reason, marks=("missing",), sub=reason)


def text_cell(text: str, *marks: str, note: str = "") -> Cell:
    """Text that sorts as itself."""
    return Cell(text, value=text, marks=marks, note=note)


def _markdown_cell(cell: Cell) -> str:
    text: str = for_markdown(cell.text)
    if "best" in cell.marks:
        text = f"**{text}**"
    return "<br>".join([text, *(for_markdown(line) for line in cell.sub.splitlines())])


def _csv_cell(cell: Cell, *, numeric: bool) -> str:
    if isinstance(cell.value, float | int):
        return repr(cell.value)
    return "" if numeric else for_csv(cell.value or cell.text)
