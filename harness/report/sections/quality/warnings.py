"""What a reader has to know of the quality figures before believing them."""

import math

from harness.metrics.registry import METRICS
from harness.report.analysis import Analysis
from harness.report.data import ReportData
from harness.report.text import joined, number, some
from harness.statistics.bootstrap import mean_of
from harness.statistics.paired import MIN_IMAGES


def quality_warnings(data: ReportData, analysis: Analysis) -> list[str]:
    """What is missing, too small or odd."""
    return [*_coverage(data, analysis), *_figures(data)]


def _coverage(data: ReportData, analysis: Analysis) -> list[str]:
    found = []
    if not data.quality:
        found.append("No quality was measured: there are no quality records in this run.")
    elif not analysis.baselines:
        found.append(
            f"The baseline {analysis.baseline_name} was not measured: no differences, no verdicts."
        )
    small = [
        dataset
        for dataset in data.datasets
        if 0
        < max((c.n_images for c in data.quality.values() if c.dataset == dataset), default=0)
        < MIN_IMAGES
    ]
    if small and analysis.baselines:
        found.append(
            f"Too few images for a verdict (fewer than {MIN_IMAGES}): {joined(small)}. "
            "Means and intervals are shown, no verdicts."
        )
    if data.other_quality:
        names = sorted({cell.protocol for cell in data.other_quality})
        found.append(
            f"Results with {joined(names)} are listed apart; everything else is {data.protocol}."
        )
    return found


def _figures(data: ReportData) -> list[str]:
    """Figures that are no finite numbers, means that are not those of their images, mixed sets."""
    odd, wrong = [], []
    contents: dict[tuple[int, str], set[str | None]] = {}
    for (row, scale, dataset), cell in data.quality.items():
        if cell.status != "done":
            continue
        contents.setdefault((scale, dataset), set()).add(cell.spec.dataset.sha256)
        where = f"{row.title} {scale}\u00d7 {dataset}"
        for key, metric in METRICS.items():
            mean, values = cell.mean(metric), cell.values.get(key)
            if mean is None or values is None:
                continue
            if not math.isfinite(mean):
                odd.append(f"{where} ({metric.label} {number(mean, 1)})")
            if not _equal(float(mean_of(values)), mean):
                wrong.append(f"{where} ({metric.label})")
    mixed = [f"{d} {s}\u00d7" for (s, d), hashes in contents.items() if len(hashes) > 1]
    found = []
    if odd:
        found.append(f"No finite mean: {some(odd)}. They get no interval and no verdict.")
    if wrong:
        found.append(f"The mean in the record is not that of its images: {some(wrong)}.")
    if mixed:
        found.append(
            f"Not all rows saw the same images: {some(mixed)}. Rows that saw others than the "
            "baseline are not compared with it."
        )
    return found


def _equal(a: float, b: float) -> bool:
    """Whether two means are one but for rounding; infinite ones and two that are no number, too."""
    return a == b or abs(a - b) <= 1e-6 or (math.isnan(a) and math.isnan(b))
