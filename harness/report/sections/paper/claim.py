"""What the paper claims: its compressed networks against its own MS-LapSRN, and ours likewise."""

import math
import statistics

from harness.metrics.registry import PSNR
from harness.report import paper
from harness.report.analysis import why_not_paired
from harness.report.data import ReportData
from harness.report.rows import Place, ReportRow
from harness.report.standing import pooled_difference
from harness.report.table import Cell, Column, Row, Table, text_cell
from harness.report.text import NONE, joined
from harness.statistics.paired import Pooled

_BASE = "MS-LapSRN"
"""The row of Table 1 that the paper compares its networks with."""


def claim_table(data: ReportData) -> Table:
    """Networks with shared weights down, scales across: the paper's mean difference and ours."""
    base = _row_of(data, _BASE)
    models = [row for row in data.rows if row.paper_row and row.is_tied and _is_ours(row)]
    found: dict[tuple[ReportRow, int], tuple[float, Pooled]] = {}
    sets: dict[str, None] = {}
    for row in models if base else ():
        for scale in data.scales:
            places = _places(data, row, base, scale) if base else []
            if base and (over := pooled_difference(data, [(p, row, base) for p in places])):
                found[row, scale] = _paper(row, places), over
                sets |= dict.fromkeys(dataset for _, dataset in places)
    scales = [scale for scale in data.scales if any(at == scale for _, at in found)]
    columns = [Column("network", "Network", numeric=False)]
    for scale in scales:
        columns += [
            Column(
                f"delta_psnr_db_paper_{scale}x",
                f"{scale}\u00d7 paper",
                f"the paper's mean less its {_BASE}'s, in dB",
                of={"scale": scale},
                fact="delta_psnr_db_paper",
            ),
            Column(
                f"delta_psnr_db_{scale}x",
                f"{scale}\u00d7 ours",
                f"ours less our {_BASE}'s, in dB; below it a 95% interval over the images",
                of={"scale": scale},
                fact="delta_psnr_db",
            ),
        ]
    rows = []
    for row in models:
        cells = [cell for scale in scales for cell in _cells(found.get((row, scale)))]
        if any(cell.value is not None for cell in cells):
            rows.append(Row([text_cell(row.title), *cells]))
    caption = (
        f"Mean difference in PSNR (dB) to {_BASE} over {joined(list(sets))}, each counted once"
    )
    return Table("claim", caption if rows else "The paper's claim", columns, rows)


def _is_ours(row: ReportRow) -> bool:
    return row.is_plain and not row.from_authors


def _row_of(data: ReportData, model: str) -> ReportRow | None:
    """Our network for a row of Table 1, the first that has figures."""
    return next(
        (
            row
            for row in data.rows
            if row.paper_row == model
            and _is_ours(row)
            and any(data.cell(row, s, d) for s in data.scales for d in data.datasets)
        ),
        None,
    )


def _places(data: ReportData, ours: ReportRow, base: ReportRow, scale: int) -> list[Place]:
    """The paper's datasets that both saw whole, by its protocol."""
    found = []
    for dataset, images in paper.DATASET_IMAGES.items():
        one, other = data.cell(ours, scale, dataset), data.cell(base, scale, dataset)
        if data.protocol != paper.PROTOCOL or one is None or other is None:
            continue
        if one.n_images == images and not why_not_paired(one, other, PSNR.key):
            found.append((scale, dataset))
    return found


def _paper(row: ReportRow, places: list[Place]) -> float:
    """The same difference of the paper's printed means; NaN where it lacks one."""
    table = paper.paper_table()
    deltas = [
        table[str(row.paper_row), *place].psnr_y - table[_BASE, *place].psnr_y
        for place in places
        if (str(row.paper_row), *place) in table and (_BASE, *place) in table
    ]
    return statistics.fmean(deltas) if len(deltas) == len(places) else math.nan


def _cells(found: tuple[float, Pooled] | None) -> list[Cell]:
    if found is None:
        return [Cell(NONE, note="not measured", marks=("missing",)) for _ in range(2)]
    theirs, ours = found
    printed = Cell(NONE) if math.isnan(theirs) else Cell(PSNR.delta(theirs), value=theirs)
    sub = f"[{PSNR.delta(ours.low)}, {PSNR.delta(ours.high)}]"
    also = {"delta_psnr_db_low": ours.low, "delta_psnr_db_high": ours.high}
    return [printed, Cell(PSNR.delta(ours.mean), value=ours.mean, sub=sub, also=also)]
