"""Every training that differs only in its seed: the one place where they are listed."""

import math
import statistics

import numpy as np

from harness.metrics.registry import PSNR
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
        Column("seeds", "Seeds", "below it each seed's mean PSNR in dB"),
    ]
    for key, metric in data.metrics.items():
        unit = f"_{metric.unit.lower()}" if metric.unit else ""
        mean_key = f"{key}{unit}"
        columns.append(
            Column(mean_key, metric.heading, "mean over the seeds of the mean over images")
        )
        columns.append(
            Column(
                f"{mean_key}_deviation", f"\u00b1 {metric.label}", "standard deviation over seeds"
            )
        )
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
                words = [f"{s}: {PSNR.value(cell.mean(PSNR))}" for s, cell in cells.items()]
                row.append(Cell(str(len(cells)), value=len(cells), sub=", ".join(words)))
                for metric in data.metrics.values():
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
                rows.append(Row(row, scale, dataset))
    return Table("seeds", "Trainings that differ in their seed", columns, rows)


def seed_means_table(data: ReportData) -> Table:
    """Every training's own mean, one row per seed and metric: for CSV."""
    texts = ("variant", "recipe", "seed", "dataset", "metric", "unit")
    keys = ("variant", "recipe", "seed", "scale", "dataset", "metric", "unit", "mean")
    columns = [Column(key, key, numeric=key not in texts) for key in keys]
    rows = [
        Row([Cell("", value=value) for value in values])
        for trained in seed_groups(data)
        for scale in data.scales
        for dataset in data.datasets
        for seed, cell in seed_cells(data, trained, (scale, dataset)).items()
        for key, metric in data.metrics.items()
        for values in [
            (trained.label, trained.recipe, seed, scale, dataset, key, metric.unit,
             cell.mean(metric))
        ]
    ]  # fmt: skip
    return Table("seed-means", "Means of every seed", columns, rows)
