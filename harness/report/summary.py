"""What was compared, in one sentence."""

from harness.report.analysis import Analysis
from harness.report.data import ReportData
from harness.report.text import joined, plural, some
from harness.report.training import alike

_EMBEDDED = "embedded"
"""The dataset that is called by what it is."""


def summary(data: ReportData, analysis: Analysis) -> str:
    """What was compared, variants, scales, datasets and images, and how it was trained."""
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
    if common := {row.weights for row in data.rows if not row.says_weights}:
        most = "all but the authors'" if any(row.from_authors for row in data.rows) else "all"
        text += f", {most} with weights {joined(sorted(common))},"
    if data.scales:
        scales = [f"{scale}\u00d7" for scale in data.scales]
        text += f" at {joined(scales)}"
    if data.datasets:
        names = ["the embedded images" if d == _EMBEDDED else d for d in data.datasets]
        text += f" on {joined(names)}"
        pairs = {(cell.dataset, image) for cell in data.quality.values() for image in cell.images}
        if pairs:
            text += f" ({plural(len(pairs), 'image')})"
    return " ".join(filter(None, [f"{text}.", _trained(data, analysis)]))


def _trained(data: ReportData, analysis: Analysis) -> str:
    """What the networks that were trained as the baseline was have in common."""
    bases = {(row, scale) for (scale, _), row in analysis.baselines.items()}
    trainings = {data.training(row, scale) for row, scale in bases}
    told = {training.words for training in trainings if training.is_told}
    if len(told) != 1 or not all(training.is_told for training in trainings):
        return ""
    others = [
        row.network_title
        for row in data.rows
        if all(
            alike(data.training(row, scale), data.training(base, scale)) for base, scale in bases
        )
    ]
    names = list(dict.fromkeys([analysis.baseline_title, *others]))
    words = f"{some(names)} {'was' if len(names) == 1 else 'were'} trained "
    return f"{words}{'' if len(names) == 1 else 'alike '}by {told.pop()}."
