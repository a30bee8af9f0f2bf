"""The table to look at first: every difference to the baseline."""

import math

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis
from harness.report.data import ReportData
from harness.report.rows import ReportRow
from harness.report.table import Cell, Column, Row, Table, psnr_difference_columns, text_cell
from harness.report.text import NONE
from harness.report.verdicts import MARKS, SIGNS, psnr_figures


def overview_table(data: ReportData, analysis: Analysis) -> Table:
    """Rows down, scales and datasets across: the mean difference in PSNR and its verdict."""
    places = [
        (scale, dataset)
        for scale in data.scales
        for dataset in data.datasets
        if (scale, dataset) in analysis.baselines
    ]
    columns = [Column("variant", "Variant", numeric=False)]
    columns += psnr_difference_columns(places)
    rows = []
    for row in data.rows:
        cells = [_cell(data, analysis, row, scale, dataset) for scale, dataset in places]
        if any(cell.value is not None for cell in cells):
            rows.append(Row([text_cell(row.title), *cells]))
    return Table(
        "overview",
        f"Mean difference in PSNR (dB) to {analysis.baseline_title}, and verdict",
        columns,
        rows,
    )


def _cell(data: ReportData, analysis: Analysis, row: ReportRow, scale: int, dataset: str) -> Cell:
    if analysis.is_baseline(row, scale, dataset):
        return Cell("baseline", marks=("quiet",))
    estimate = analysis.estimate(row, scale, dataset, PSNR.key)
    paired = estimate.paired
    if paired is None or not math.isfinite(paired.mean):
        why = estimate.why or data.why_missing(row, scale, dataset)
        return Cell(NONE, note=why if paired is None else paired.why, marks=("missing",))
    sign = SIGNS[paired.verdict]
    text = f"{PSNR.delta(paired.mean)} {sign}".strip()
    note = f"{paired.verdict}{': ' + paired.why if paired.why else ''}"
    return Cell(
        text,
        value=paired.mean,
        note=note,
        marks=(MARKS[paired.verdict],),
        also=psnr_figures(paired),
    )
