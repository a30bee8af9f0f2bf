"""Columns and cells of figures as results declare them: :class:`harness.jobs.specs.Shown`."""

from harness.jobs.specs import Result
from harness.report.rows import Measured
from harness.report.table import Cell, Column
from harness.report.text import NONE


def figure_columns(result: type[Result]) -> list[Column]:
    """Columns of the figures that a report shows, on the page or for CSV alone."""
    return [
        Column(name, one.head, one.note, on_page=bool(one.head))
        for name, one in result.shown().items()
        if one.head or one.in_csv
    ]


def figure_cell(cell: Measured, name: str) -> Cell:
    """A figure as it is declared to be shown."""
    value = cell.figure(name)
    text = cell.result.shown()[name].form(value) if cell.result else NONE
    return Cell(text, value=value)
