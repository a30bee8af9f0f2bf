"""Quality by other protocols than the report's: listed apart, compared with nothing."""

from harness.metrics.registry import told
from harness.report.data import ReportData
from harness.report.table import Cell, Column, Row, Table, missing, text_cell


def other_table(data: ReportData) -> Table:
    """One row per record of another protocol."""
    metrics = told(cell.means for cell in data.other_quality)
    columns = [
        Column("variant", "Variant", numeric=False),
        Column("scale", "Scale"),
        Column("dataset", "Dataset", numeric=False),
        Column("protocol", "Protocol", numeric=False),
        Column("n_images", "Images"),
        *(
            Column(f"{key}_{metric.unit.lower()}".rstrip("_"), metric.heading)
            for key, metric in metrics.items()
        ),
    ]
    rows = []
    for cell in data.other_quality:
        figures = [
            Cell(metric.value(mean), value=mean)
            if (mean := cell.mean(metric)) is not None
            else missing(cell.reason or "not in the record")
            for metric in metrics.values()
        ]
        head = [
            text_cell(cell.row.title),
            Cell(f"{cell.scale}\u00d7", value=cell.scale),
            text_cell(cell.dataset),
            text_cell(cell.protocol),
            Cell(str(cell.n_images), value=cell.n_images),
        ]
        rows.append(Row([*head, *figures], cell.scale, cell.dataset))
    return Table("others", "Other protocols", columns, rows)
