"""Every training that differs only in its seed: the one place where they are listed."""

import math
import statistics

import numpy as np

from harness.metrics.registry import METRICS, PSNR
from harness.report.data import ReportData
from harness.report.sections.compression.seed_groups import seed_cells, seed_groups
from harness.report.table import Cell, Column, Row, Table, missing, text_cell
from harness.report.text import NONE
from harness.statistics.bootstrap import mean_of


def seeds_table(data: ReportData) -> Table:
    """One row per variant, recipe, scale and dataset: means over seeds and their deviations."""
    columns = [
        Column("variant", "Variant", numeric=False),
        Column("recipe", "Trainings", "what their names have in common", numeric=False),
        Column("scale", "Scale"),
        Column("dataset", "Dataset", numeric=False),
        Column("seeds", "Seeds"),
    ]
    for key, metric in METRICS.items():
        columns.append(Column(key, metric.heading, "mean over the seeds of the mean over images"))
        columns.append(
            Column(f"{key}_deviation", f"\u00b1 {metric.label}", "standard deviation over seeds")
        )
    columns.append(Column("psnr_y_by_seed", "PSNR by seed", "seed: mean in dB", numeric=False))
    rows = []
    for scale in data.scales:
        for dataset in data.datasets:
            for trained in seed_groups(data):
                places = [(e, scale, dataset) for e in trained.members.values()]
                if not any(place in data.seed_quality for place in places):
                    continue
                cells = seed_cells(data, trained, (scale, dataset))
                row = [text_cell(trained.label), text_cell(trained.recipe)]
                row += [Cell(f"{scale}\u00d7", value=scale), text_cell(dataset)]
                row.append(Cell(str(len(cells)), value=len(cells)))
                for metric in METRICS.values():
                    found = (cell.mean(metric) for cell in cells.values())
                    means = [mean for mean in found if mean is not None]
                    # A mean over the finite ones would be of other trainings than it says.
                    finite = all(map(math.isfinite, means))
                    mean = statistics.fmean(means) if means and finite else None
                    if means and not finite:
                        mean = float(mean_of(np.array(means)))
                    row.append(
                        missing("none of them was measured")
                        if mean is None
                        else Cell(metric.value(mean), value=mean)
                    )
                    spread = statistics.stdev(means) if len(means) > 1 and finite else None
                    row.append(
                        Cell(
                            NONE,
                            note="one training only" if finite else "a mean is no finite number",
                            marks=("quiet",),
                        )
                        if spread is None
                        else Cell(f"\u00b1{metric.value(spread)}", value=spread)
                    )
                words = [f"{s}: {PSNR.value(cell.mean(PSNR))}" for s, cell in cells.items()]
                row.append(text_cell(", ".join(words) or NONE))
                rows.append(Row(row, scale, dataset))
    return Table("seeds", "Trainings that differ in their seed", columns, rows)
