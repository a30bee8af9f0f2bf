"""Latency with its spread, per device and input size."""

from harness.report.model import Latency, ReportData
from harness.report.table import Cell, Column, Row, Table, missing, text_cell
from harness.report.text import NONE, number

_COLUMNS = [
    Column("variant", "Variant", numeric=False),
    Column("scale", "Scale"),
    Column("place", "Measured on", "device, threads, input size", numeric=False),
    Column("median_ms", "Median (ms)", "of the forward passes after warm-up"),
    Column("iqr_ms", "IQR (ms)", "third less first quartile"),
    Column("p5_ms", "5th\u201395th percentile (ms)", "of the forward passes"),
    Column("n", "Passes", "timed forward passes"),
    Column("first_call_ms", "First call (ms)", "before any warm-up"),
    Column("megapixels_per_s", "MP/s", "megapixels of output per second, by the median"),
]


def latency_table(data: ReportData) -> Table:
    """One row per latency record."""
    rows = [_row(cell) for cell in data.latency]
    noisy = sum(cell.noisy for cell in data.latency)
    notes = []
    if noisy:
        notes.append(
            f"{noisy} of {len(rows)} rows are marked noisy: their median was still moving when "
            "the time for it was used up. Differences between them may be the machine's."
        )
    return Table("latency", "Latency per variant and scale", _COLUMNS, rows, notes)


def _row(cell: Latency) -> Row:
    title = cell.entrant.title
    head = [
        text_cell(title),
        Cell(f"{cell.scale}\u00d7", value=cell.scale),
        text_cell(cell.place),
    ]
    if cell.status != "done":
        blank = [Cell(NONE, note=cell.reason, marks=("missing",)) for _ in _COLUMNS[4:]]
        return Row([*head, missing(cell.reason), *blank], cell.scale)
    median = cell.figure("median_ms")
    low, high = cell.figure("p5_ms"), cell.figure("p95_ms")
    pixels = cell.lr_height * cell.lr_width * cell.scale**2
    speed = pixels / 1e3 / median if median else None
    figures = [
        Cell(
            number(median, 2),
            value=median,
            marks=("warn",) if cell.noisy else (),
            sub="noisy" if cell.noisy else "",
        ),
        Cell(number(cell.figure("iqr_ms"), 2), value=cell.figure("iqr_ms")),
        Cell(f"{number(low, 2)} to {number(high, 2)}", value=low),
        Cell(number(cell.figure("n"), 0), value=cell.figure("n")),
        Cell(number(cell.figure("first_call_ms"), 1), value=cell.figure("first_call_ms")),
        Cell(number(speed, 2), value=speed),
    ]
    return Row([*head, *figures], cell.scale)
