"""What a parameter saved costs in PSNR."""

import math

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis, baseline_cost
from harness.report.data import ReportData
from harness.report.table import Cell, Column, Row, Table, text_cell
from harness.report.text import number, signed

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
                paired = analysis.estimate(row, scale, dataset, PSNR.key).paired
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
