"""Tables to look at first: every difference to the baseline, and what a parameter saved costs."""

import math

from harness.report.analysis import Analysis
from harness.report.data import ReportData
from harness.report.metrics import PSNR
from harness.report.rows import ReportRow
from harness.report.sections.cost.costs import baseline_cost
from harness.report.table import Cell, Column, Row, Table, text_cell
from harness.report.text import NONE, number, signed

SIGNS = {"better": "\u25b2", "worse": "\u25bc", "no difference shown": "=", "no verdict": ""}
MARKS = {
    "better": "better",
    "worse": "worse",
    "no difference shown": "same",
    "no verdict": "quiet",
}


def overview_table(data: ReportData, analysis: Analysis) -> Table:
    """Rows down, scales and datasets across: the mean difference in PSNR and its verdict."""
    places = [
        (scale, dataset)
        for scale in data.scales
        for dataset in data.datasets
        if (scale, dataset) in analysis.baselines
    ]
    columns = [Column("variant", "Variant", numeric=False)]
    columns += [
        Column(f"delta_psnr_db_{dataset}_{scale}x", f"{scale}\u00d7 {dataset}", "dB")
        for scale, dataset in places
    ]
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
    outcome = analysis.outcome(row, scale, dataset, PSNR.key)
    paired = outcome.paired
    if paired is None or not math.isfinite(paired.mean):
        why = outcome.why or data.why_missing(row, scale, dataset)
        return Cell(NONE, note=why if paired is None else paired.why, marks=("missing",))
    sign = SIGNS[paired.verdict]
    text = f"{PSNR.delta(paired.mean)} {sign}".strip()
    note = f"{paired.verdict}{': ' + paired.why if paired.why else ''}"
    return Cell(text, value=paired.mean, note=note, marks=(MARKS[paired.verdict],))


_EFFICIENCY = [
    Column("variant", "Variant", numeric=False),
    Column("scale", "Scale"),
    Column("dataset", "Dataset", numeric=False),
    Column("params_saved", "Parameters saved", "against the baseline"),
    Column("psnr_y_delta_db", "\u0394 PSNR (dB)", "mean per-image difference to the baseline"),
    Column(
        "db_per_1000_params_saved",
        "dB per 1000 saved",
        "difference in PSNR for each thousand parameters saved: 0 is for free, above is a gain",
    ),
]


def efficiency_table(data: ReportData, analysis: Analysis) -> Table:
    """PSNR given up (or gained) for each thousand parameters saved, with its interval."""
    rows = []
    for scale in data.scales:
        base = baseline_cost(data, analysis.baseline_name, scale)
        base_params = base.figure("params") if base else None
        for dataset in data.datasets:
            for row in data.rows:
                cost = data.cost.get((row.variant, scale))
                params = cost.figure("params") if cost and cost.status == "done" else None
                paired = analysis.outcome(row, scale, dataset, PSNR.key).paired
                if not params or not base_params or paired is None or params >= base_params:
                    continue
                if not math.isfinite(paired.mean):
                    continue
                saved = base_params - params
                per = 1000 / saved
                bounds = ""
                if math.isfinite(paired.low):
                    bounds = f"[{signed(paired.low * per, 4)}, {signed(paired.high * per, 4)}]"
                rows.append(
                    Row(
                        [
                            text_cell(row.title),
                            Cell(f"{scale}\u00d7", value=scale),
                            text_cell(dataset),
                            Cell(number(saved, 0), value=saved),
                            Cell(PSNR.delta(paired.mean), value=paired.mean),
                            Cell(signed(paired.mean * per, 4), value=paired.mean * per, sub=bounds),
                        ],
                        scale,
                        dataset,
                    )
                )
    return Table(
        "efficiency",
        f"PSNR for each thousand parameters saved against {analysis.baseline_title}",
        _EFFICIENCY,
        rows,
    )
