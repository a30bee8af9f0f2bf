"""Tables as data: one description that HTML, Markdown, CSV and LaTeX render from."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from harness.report.text import NONE, Markdown, for_csv, for_markdown

Value = str | float | None

_LARGEST_COUNT = 2**53
"""Up to here a float tells whole numbers apart."""


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
        also: further figures for CSV, by column: the ends of an interval, a flag.
    """

    text: str
    value: Value = None
    note: str = ""
    marks: tuple[str, ...] = ()
    sub: str = ""
    also: Mapping[str, Value] = field(default_factory=dict)

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
        of: what its figures are of, where columns tell scales, datasets or networks apart; CSV has
            a row for each of them instead.
        fact: then, the heading in CSV.
        on_page: whether people see it; False for what is for CSV alone.
    """

    key: str
    head: str
    note: str = ""
    numeric: bool = True
    of: Mapping[str, Value] = field(default_factory=dict)
    fact: str = ""
    on_page: bool = True

    @property
    def csv_key(self) -> str:
        return self.fact or self.key


def psnr_difference_columns(
    places: Iterable[tuple[int, str]], note: str = "dB"
) -> Iterator[Column]:
    """A column of differences in PSNR for each pair of scale and dataset."""
    for scale, dataset in places:
        yield Column(
            f"delta_psnr_db_{dataset}_{scale}x",
            f"{scale}\u00d7 {dataset}",
            note,
            of={"scale": scale, "dataset": dataset},
            fact="delta_psnr_db",
        )


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
        """The first column, and those whose figures are of a scale."""
        kept = [i for i, c in enumerate(self.columns) if i == 0 or c.of.get("scale") == scale]
        return replace(
            self,
            name=f"{self.name}-{scale}x",
            caption=f"{self.caption}: {scale}\u00d7",
            columns=[self.columns[i] for i in kept],
            rows=[replace(row, cells=[row.cells[i] for i in kept]) for row in self.rows],
        )

    @property
    def page(self) -> "Table":
        """The columns that people see."""
        kept = [i for i, column in enumerate(self.columns) if column.on_page]
        if len(kept) == len(self.columns):
            return self
        rows = [replace(row, cells=[row.cells[i] for i in kept]) for row in self.rows]
        return replace(self, columns=[self.columns[i] for i in kept], rows=rows)

    def hiding_constant(self, *keys: str) -> "Table":
        """Without those of the named columns that say nothing, or the same in several rows."""
        columns = list(self.columns)
        for i, column in enumerate(columns):
            texts = [(row.cells[i].text, row.cells[i].sub) for row in self.rows]
            is_blank = all(text == NONE for text, _ in texts)
            if column.key in keys and (is_blank or (len(texts) > 1 and len(set(texts)) == 1)):
                columns[i] = replace(column, on_page=False)
        return replace(self, columns=columns)

    @property
    def explained(self) -> list[tuple[list[str], str]]:
        """Headings of the columns that share an explanation, and what it is, in order."""
        found: dict[str, list[str]] = {}
        for column in self.columns:
            if column.note:
                found.setdefault(column.note, []).append(column.head)
        return [(heads, note) for note, heads in found.items()]

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        """Rows under their headings, in order."""
        return [(name, list(rows)) for name, rows in groupby(self.rows, lambda row: row.group)]

    def markdown(self) -> Markdown:
        """As a GitHub table; foreign text is escaped."""
        page = self.page
        head: list[str] = [for_markdown(column.head) for column in page.columns]
        rule = ["---:" if column.numeric else "---" for column in page.columns]
        rows: list[list[str]] = []
        for group, members in page.groups:
            if group:
                rows.append([f"**{for_markdown(group)}**", *[""] * (len(head) - 1)])
            rows += [[_markdown_cell(cell) for cell in row.cells] for row in members]
        return Markdown("\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows]))

    def csv(self) -> str:
        """Unrounded values; a numeric column holds numbers or nothing, and no sentences.

        Columns that tell apart what their figures are of become rows.
        """
        rows = [found for row in self.rows for found in self._facts(row)]
        is_wide = any(column.of for column in self.columns)
        first = [column.csv_key for column in self.columns if is_wide and not column.of]
        first += [key for column in self.columns for key in column.of]
        figures = [
            key
            for i, column in enumerate(self.columns)
            for key in (column.csv_key, *(key for row in self.rows for key in row.cells[i].also))
        ]
        heads = list(dict.fromkeys([*first, *figures]))
        file = io.StringIO()
        writer = csv.DictWriter(file, heads, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return file.getvalue()

    def _facts(self, row: Row) -> list[dict[str, str]]:
        """A row of CSV for each thing that the columns tell apart; one where they do not."""
        shared: dict[str, str] = {}
        parts: dict[tuple[tuple[str, Value], ...], dict[str, str]] = {}
        for column, cell in zip(self.columns, row.cells, strict=True):
            found = {column.csv_key: _csv_cell(cell, numeric=column.numeric)}
            found |= {key: _csv_value(value) for key, value in cell.also.items()}
            if not column.of:
                shared |= found
            elif any(found.values()):
                own = {key: _csv_value(value) for key, value in column.of.items()}
                parts.setdefault(tuple(column.of.items()), own).update(found)
        if not any(column.of for column in self.columns):
            return [shared]
        return [shared | part for part in parts.values()]


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
        return _csv_value(cell.value)
    return "" if numeric else for_csv(cell.value or cell.text)


def _csv_value(value: Value) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_COUNT:
        return str(int(value))
    return repr(value) if isinstance(value, float | int) else for_csv(value or "")
