"""Every image: PSNR of the baseline, and how far the smaller networks differ from it."""

import math
from collections.abc import Sequence

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis, why_not_paired
from harness.report.data import ReportData
from harness.report.rows import ReportRow
from harness.report.table import Cell, Column, Row, Table, text_cell
from harness.report.text import NONE
from harness.statistics.paired import paired_differences


def images_table(data: ReportData, analysis: Analysis, rows: Sequence[ReportRow]) -> Table:
    """One row per image, scale and dataset; the first network's largest differences first."""
    columns = [
        Column("image", "Image", numeric=False),
        Column("scale", "Scale"),
        Column("dataset", "Dataset", numeric=False),
        Column("baseline_psnr_y_db", f"{analysis.baseline_title}, PSNR (dB)"),
    ]
    columns += [
        Column(
            f"delta_psnr_db_{row.title}",
            f"\u0394 {row.title}",
            "dB, less the baseline's",
            of={"variant": row.title},
            fact="delta_psnr_db",
        )
        for row in rows
    ]
    body = []
    for (scale, dataset), base in analysis.baselines.items():
        cell = data.cell(base, scale, dataset)
        if cell is None or PSNR.key not in cell.values:
            continue
        others = [data.cell(row, scale, dataset) for row in rows]
        base_values = cell.values[PSNR.key]
        differences = [
            paired_differences(c.values[PSNR.key][:, None], base_values)[:, 0]
            if c and not why_not_paired(c, cell, PSNR.key)
            else None
            for c in others
        ]
        found = []
        for i, (image, psnr) in enumerate(zip(cell.images, base_values, strict=True)):
            deltas = [None if values is None else float(values[i]) for values in differences]
            if any(delta is not None for delta in deltas):
                found.append((image, float(psnr), deltas))
        found.sort(key=lambda item: -_size(item[2][0]))
        for image, psnr, deltas in found:
            cells = [_delta(delta) for delta in deltas]
            head = [text_cell(image), Cell(f"{scale}\u00d7", value=scale), text_cell(dataset)]
            body.append(Row([*head, Cell(PSNR.value(psnr), value=psnr), *cells], scale, dataset))
    return Table("differences", f"Every image, against {analysis.baseline_title}", columns, body)


def _size(value: float | None) -> float:
    return abs(value) if value is not None and math.isfinite(value) else 0.0


def _delta(value: float | None) -> Cell:
    if value is None or math.isnan(value):
        return Cell(NONE, marks=("missing",))
    return Cell(PSNR.delta(value), value=value)
