"""What was compared, in one sentence."""

from harness.report.data import ReportData
from harness.report.text import joined, plural


def summary(data: ReportData) -> str:
    """What was compared: variants, scales, datasets and images."""
    variants = len({row.variant for row in data.rows})
    text = plural(variants, "variant")
    if len(data.rows) > variants:
        kinds = {
            "weights": len({(row.variant, row.weights) for row in data.rows}) > variants,
            "dtypes": len({row.dtype for row in data.rows if row.has_network}) > 1,
            "backends": len({row.backend for row in data.rows if row.has_network}) > 1,
        }
        why = joined([kind for kind, differs in kinds.items() if differs])
        text += f" ({plural(len(data.rows), 'row')}{why and f', as {why} differ'})"
    if data.scales:
        scales = [f"{scale}\u00d7" for scale in data.scales]
        text += f" at {joined(scales)}"
    if data.datasets:
        text += f" on {joined(list(data.datasets))}"
        pairs = {(cell.dataset, image) for cell in data.quality.values() for image in cell.images}
        if pairs:
            text += f" ({plural(len(pairs), 'image')})"
    return text + "."
