"""What was compared, in one sentence."""

from harness.report.data import ReportData
from harness.report.text import joined, plural


def summary(data: ReportData) -> str:
    """What was compared: variants, scales, datasets and images."""
    variants = len({row.variant for row in data.rows})
    text = plural(variants, "variant")
    if len(data.rows) > variants:
        text += f" ({plural(len(data.rows), 'row')} with their weights)"
    if data.scales:
        scales = [f"{scale}\u00d7" for scale in data.scales]
        text += f" at {joined(scales)}"
    if data.datasets:
        text += f" on {joined(list(data.datasets))}"
        pairs = {(cell.dataset, image) for cell in data.quality.values() for image in cell.images}
        if pairs:
            text += f" ({plural(len(pairs), 'image')})"
    return text + "."
