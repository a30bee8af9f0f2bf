"""Latency with its spread, per device and input size: against the baseline, and what it loses."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.jobs.latency.models import LatencyResult, Reference
from harness.metrics.registry import PSNR
from harness.report.analysis import named_variants
from harness.report.data import ReportData
from harness.report.figures import figure_cell, figure_columns
from harness.report.latencies import median_bounds, told_times, usual_latencies
from harness.report.rows import UNREMARKABLE_WEIGHTS, Latency
from harness.report.sections.latency.psnr_change import psnr_changes
from harness.report.speed import (
    Speed,
    baseline_of,
    compare_speed,
    plain_of,
)
from harness.report.table import Cell, Column, Row, Table, missing, text_cell
from harness.report.text import NONE, fraction, joined, number, plural, some
from harness.report.verdicts import speed_bounds
from harness.statistics.rounds import MARGIN

_FIGURES = figure_columns(LatencyResult)
_COLUMNS = [
    Column("variant", "Variant", "in brackets how it computes", numeric=False),
    Column("scale", "Scale"),
    Column(
        "speed_to_baseline",
        "Speed to baseline",
        "the baseline's time over this one's, both computed alike: above 1 is faster; below it "
        "its bounds at 95%",
    ),
    Column(
        "speed_to_eager_float32",
        "Speed to own eager float32",
        "the same variant's time in eager float32 over this one's; below it its bounds at 95%",
    ),
    Column("psnr_loss_db", "\u0394 PSNR (dB)", "to eager float32, on the dataset that loses most"),
    *_FIGURES,
    Column("place", "Measured on", "device, threads, input size", numeric=False),
    Column("megapixels_per_s", "", on_page=False),
]
_PLACE = [column.key for column in _COLUMNS].index("place")
_MARKS = {"faster": "better", "slower": "worse", "same": "same"}
_SIGNS = {"faster": "\u25b2 ", "slower": "\u25bc ", "same": "= "}


@dataclass(frozen=True)
class _Line:
    """A latency with what it is compared with: None where that was not measured."""

    cell: Latency
    base: Latency | None
    to_base: Speed | None
    plain: Latency | None
    to_plain: Speed | None


def _lines(data: ReportData, baseline: str) -> list[_Line]:
    names = named_variants(data, baseline)
    lines = []
    for cell in data.latency:
        base, plain = baseline_of(cell, data.latency, names), plain_of(cell, data.latency)
        to_base = compare_speed(cell, base) if base and base is not cell else None
        to_plain = compare_speed(cell, plain) if plain and plain is not cell else None
        lines.append(_Line(cell, base, to_base, plain, to_plain))
    return lines


def latency_table(data: ReportData, baseline: str) -> Table:
    """One row per latency record."""
    lines = _lines(data, baseline)
    machines = {_machine(cell.place) for cell in data.latency}
    caption, columns = "Latency per variant and scale", list(_COLUMNS)
    if len(machines) == 1:
        # Said once, above; sizes are left to the column.
        (machine,) = machines
        caption = f"Latency on {machine}"
        places = {cell.place for cell in data.latency}
        if len(places) == 1:
            caption = f"Latency on {places.pop()}"
        size = replace(columns[_PLACE], head="LR size", note="pixels across and down")
        columns[_PLACE] = size
    rows = [_row(data, line, is_one_machine=len(machines) == 1) for line in lines]
    table = Table("latency", caption, columns, rows, _notes(data, lines))
    further = [column.key for column in _FIGURES if column.key not in _OWN]
    said = ["place"] if len(machines) == 1 else []
    return table.hiding_constant("speed_to_eager_float32", "psnr_loss_db", *said, *further)


def latency_tables(data: ReportData, baseline: str) -> list[Table]:
    """One per machine, the one that stands for the others' time elsewhere first."""
    machines = dict.fromkeys(_machine(usual_latencies(data, scale)[0]) for scale in data.scales)
    machines |= dict.fromkeys(_machine(cell.place) for cell in data.latency)
    tables: list[Table] = []
    for machine in machines:
        cells = [cell for cell in data.latency if _machine(cell.place) == machine]
        if cells:
            table = latency_table(replace(data, latency=cells), baseline)
            name = f"{table.name}-{len(tables) + 1}" if tables else table.name
            tables.append(replace(table, name=name))
    return tables


def _machine(place: str) -> str:
    """Device and threads, without the input's size."""
    return place.rpartition(", ")[0]


def speed_table(data: ReportData, baseline: str) -> Table:
    """Every comparison of two latencies, unrounded, one per row: for CSV."""
    keys = ["variant", "way", "scale", "place", "against", "against_way"]
    keys += ["speed", "speed_low", "speed_high", "rounds", "verdict", "why"]
    figures = ("scale", "speed", "speed_low", "speed_high", "rounds")
    columns = [Column(key, key, numeric=key in figures) for key in keys]
    rows = []
    for line in _lines(data, baseline):
        for other, speed in ((line.base, line.to_base), (line.plain, line.to_plain)):
            if other is None or speed is None:
                continue
            cell = line.cell
            values: list[str | float | None] = [cell.row.variant, _execution(cell), cell.scale]
            values += [cell.place, other.row.variant, _execution(other), speed.ratio]
            values += [speed.low, speed.high, speed.rounds, speed.verdict, speed.why]
            rows.append(Row([Cell("", value=value) for value in values], cell.scale))
    return Table("latency_verdicts", "Latencies compared", columns, rows)


def _execution(cell: Latency) -> str:
    return f"{cell.row.backend} {cell.row.dtype} {cell.spec.memory_format}"


def _row(data: ReportData, line: _Line, *, is_one_machine: bool) -> Row:
    cell, spec = line.cell, line.cell.spec
    size = f"{spec.lr_width}\u00d7{spec.lr_height}"
    head = [
        text_cell(cell.title),
        Cell(f"{cell.scale}\u00d7", value=cell.scale),
    ]
    place = Cell(
        size if is_one_machine else cell.place,
        value=cell.place,
        also={
            "status": cell.status,
            "device": spec.device,
            "device_name": spec.device_name,
            "threads": spec.threads,
            "batch": spec.batch,
            "lr_width": spec.lr_width,
            "lr_height": spec.lr_height,
        },
    )
    if cell.status != "done":
        cells = [Cell(NONE, note=cell.reason, marks=("missing",)) for _ in _COLUMNS]
        cells[:3] = [*head, missing(cell.reason)]
        cells[_PLACE] = place
        return Row(cells, cell.scale)
    median = cell.figure("median_ms")
    pixels = spec.lr_height * spec.lr_width * spec.scale**2
    figures = [
        _speed(
            cell,
            line.base,
            line.to_base,
            "speed_to_baseline",
            "the baseline was not measured here with this dtype and backend",
        ),
        _speed(
            cell,
            line.plain,
            line.to_plain,
            "speed_to_eager_float32",
            "eager float32 was not measured here",
        ),
        _loss(data, cell),
        *(_OWN.get(column.key, figure_cell)(cell, column.key) for column in _FIGURES),
        place,
        Cell("", value=pixels / 1e3 / median if median else None),
    ]
    return Row([*head, *figures], cell.scale, marks=("baseline",) if line.base is cell else ())


def _median(cell: Latency, name: str) -> Cell:
    _, low, high = median_bounds(cell)
    return replace(
        figure_cell(cell, name),
        marks=("warn",) if cell.is_noisy else (),
        sub="noisy" if cell.is_noisy else "",
        also={
            "median_ms_low": low,
            "median_ms_high": high,
            "is_noisy": cell.is_noisy,
            "is_warmup_stable": cell.is_warmup_stable,
        },
    )


def _spread(cell: Latency, name: str) -> Cell:
    low, high = figure_cell(cell, name), figure_cell(cell, "p95_ms")
    known = low.value is not None and high.value is not None
    text = f"{low.text} to {high.text}" if known else NONE
    return replace(low, text=text, also={"p95_ms": high.value})


_OWN: Mapping[str, Callable[[Latency, str], Cell]] = {"median_ms": _median, "p5_ms": _spread}
"""Figures that stand in one cell with others."""


def _speed(cell: Latency, other: Latency | None, found: Speed | None, key: str, why: str) -> Cell:
    if other is None:
        return Cell(NONE, note=why, marks=("missing",))
    if found is None:
        return Cell("1", value=1.0, note="this row itself", marks=("quiet",))
    # Pairing removes the drift that makes a median noisy, but the reader is to know.
    noisy = ", noisy" if cell.is_noisy or other.is_noisy else ""
    words = "no verdict"
    if found.low is not None and found.high is not None:
        words = f"{_SIGNS.get(found.verdict, '')}{speed_bounds(found.low, found.high)}"
    note = f"{found.verdict}, {plural(found.rounds, 'round')} in common"
    if found.why:
        note += f": {found.why}"
    return Cell(
        NONE if found.ratio is None else f"{number(found.ratio, _digits(found.ratio))}\u00d7",
        value=found.ratio,
        note=note,
        marks=(_MARKS.get(found.verdict, "quiet"),),
        sub=f"{words}{noisy}",
        also={f"{key}_low": found.low, f"{key}_high": found.high, f"{key}_verdict": found.verdict},
    )


def _digits(ratio: float) -> int:
    """Behind the point: thousandths of what lies near 1, and never more than four in all."""
    return max(0, 3 - int(math.log10(max(ratio, 1.0))))


def _loss(data: ReportData, cell: Latency) -> Cell:
    found, why = psnr_changes(data, cell)
    if not found:
        return Cell(NONE, note=why, marks=("quiet" if cell.row.is_plain else "missing",))
    # Whose weights is said where a variant has several.
    several = len({change.weights for change in found} - set(UNREMARKABLE_WEIGHTS)) > 0
    words = [
        f"{one.dataset}{f' [{one.weights}]' if several else ''} {PSNR.delta(one.difference)}"
        for one in found
    ]
    worst = found[0]
    return Cell(
        PSNR.delta(worst.difference),
        value=worst.difference,
        note=", ".join(words),
        sub=worst.dataset,
    )


def _notes(data: ReportData, lines: Sequence[_Line]) -> list[str]:
    done = [line.cell for line in lines if line.cell.status == "done"]
    if not done:
        return []
    notes = [
        (
            "Speed is the other's time over the row's, above 1 is faster. Below it stands what the "
            "rounds bound it to: the 95% bootstrap interval of their median ratio, of rows that "
            f"were measured in turns. \u25b2 or \u25bc: it lies wholly beyond \u00b1{MARGIN:.0%}; "
            "=: wholly within."
        )
    ]
    speeds = [s for line in lines for s in (line.to_base, line.to_plain) if s is not None]
    if reasons := list(dict.fromkeys(speed.why for speed in speeds if speed.low is None)):
        notes.append(f"No verdict and no interval: {joined(reasons)}.")
    notes += _reference(done)
    notes += _unmeasured_changes(data, done)
    noisy = [cell for cell in done if cell.is_noisy]
    if noisy:
        notes.append(
            f"Marked noisy: {fraction(len(noisy), len(done), 'row')}, whose median was not "
            "known to the target in the time allowed. What drifts hits all rows of a round alike, "
            "so that verdicts by rounds hold; their medians alone should not be compared."
        )
    moving = sum(not cell.is_warmup_stable for cell in done)
    if moving:
        notes.append(
            f"In {fraction(moving, len(done), 'row')} the time of a pass was still moving when "
            "the time for warm-up was over."
        )
    return notes + told_times(data)


def _reference(done: Sequence[Latency]) -> list[str]:
    """What the share is of, in words and figures."""
    by_dtype: dict[str, list[Reference]] = {}
    for cell in done:
        reference = cell.result and cell.result.reference
        known = reference is not None and reference.gflops is not None
        if reference and known and cell.figure("share_of_reference") is not None:
            by_dtype.setdefault(cell.row.dtype, []).append(reference)
    if not by_dtype:
        return []
    newer = any(one.gemm_gflops is not None for found in by_dtype.values() for one in found)
    what = "a large 3\u00d73 convolution of 64 channels reached in the same run"
    if newer:
        what = (
            "the faster of a large convolution and a GEMM reached in the same dtype in the same run"
        )
    parts = [
        f"{_range([one.gflops or 0.0 for one in found])} GFLOP/s in {dtype}"
        for dtype, found in by_dtype.items()
    ]
    return [f"The reference is what {what}: {joined(parts)}."]


def _range(values: Sequence[float]) -> str:
    low, high = number(min(values), 0), number(max(values), 0)
    return low if low == high else f"{low} to {high}"


def _unmeasured_changes(data: ReportData, done: Sequence[Latency]) -> list[str]:
    """Which rows are fast at a price that nobody measured, and why."""
    whys: dict[str, dict[str, None]] = {}
    for cell in done:
        if cell.row.is_plain or not cell.row.has_network:
            continue
        found, why = psnr_changes(data, cell)
        if not found:
            whys.setdefault(why, {})[f"{cell.title} {cell.scale}\u00d7"] = None
    notes = []
    for why, rows in whys.items():
        notes.append(f"What they lose in PSNR is not known of {some(list(rows))}: {why}.")
    return notes
