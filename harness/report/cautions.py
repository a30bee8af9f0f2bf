"""What a reader has to know before believing the rest: warnings for the top of a report."""

import math
from collections.abc import Sequence

from harness.jobs.base import BUSY_PERCENT
from harness.report import paper
from harness.report.analysis import Analysis
from harness.report.data import ReportData
from harness.report.metrics import METRICS
from harness.report.sections.compression.seed_groups import families
from harness.report.sections.paper.comparisons import Comparison
from harness.report.text import joined, number, plural, signed, some
from harness.statistics.bootstrap import mean_of
from harness.statistics.paired import MIN_IMAGES


def report_warnings(
    data: ReportData, analysis: Analysis, comparisons: Sequence[Comparison]
) -> list[str]:
    """What a reader has to know before believing the rest."""
    found = [*_bicubic(comparisons), *_coverage(data, analysis), *_figures(data)]
    found += _latency(data)
    found += [f"A job failed: {what}: {why}" for what, why in data.failures[:5]]
    if len(data.failures) > 5:
        found.append(f"{len(data.failures) - 5} more jobs failed; see the notes.")
    found += list(data.problems[:5])
    if len(data.problems) > 5:
        found.append(f"{len(data.problems) - 5} more records could not be used; see the notes.")
    return found


def _bicubic(comparisons: Sequence[Comparison]) -> list[str]:
    """Bicubic has no weights: where it differs from the paper, data or protocol differ."""
    checked = [c for c in comparisons if c.paper_row == paper.BICUBIC_ROW and c.ours is not None]
    off = [
        c
        for c in checked
        if c.ours is not None and not paper.equals_printed(c.ours, c.theirs, c.metric.paper_digits)
    ]
    if not off:
        return []
    cells = [
        f"{c.dataset} {c.scale}\u00d7 {c.metric.label} {signed(c.delta, c.metric.digits)}"
        for c in off
    ]
    shown = cells[:6] + ([f"{len(cells) - 6} more"] if len(cells) > 6 else [])
    return [
        (
            "The data differ from the paper's: bicubic, which has no weights to differ in, misses "
            f"the paper's printed figure in {len(off)} of {plural(len(checked), 'value')} "
            f"({joined(shown)}). The comparison with the paper is not one of networks there."
        )
    ]


def bicubic_check(comparisons: Sequence[Comparison]) -> str:
    """The protocol check in one sentence, whatever its outcome."""
    checked = [c for c in comparisons if c.paper_row == paper.BICUBIC_ROW and c.ours is not None]
    if not checked:
        return (
            "The protocol was not checked against the paper: bicubic was not measured on one of "
            "its datasets."
        )
    good = sum(
        paper.equals_printed(c.ours, c.theirs, c.metric.paper_digits)
        for c in checked
        if c.ours is not None
    )
    return (
        f"Protocol check: bicubic equals the paper's printed figure in {good} of "
        f"{plural(len(checked), 'value')}."
    )


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
    limited = sorted(
        {
            f"{c.dataset} ({c.n_images} of {paper.DATASET_IMAGES[c.dataset]})"
            for c in data.quality.values()
            if c.status == "done" and c.n_images != paper.DATASET_IMAGES.get(c.dataset, c.n_images)
        }
    )
    if limited:
        found.append(f"Not whole datasets, so not compared with the paper: {joined(limited)}.")
    found += _seeds(data, analysis)
    if data.other_quality:
        names = sorted({cell.protocol for cell in data.other_quality})
        found.append(
            f"Results with {joined(names)} are listed apart; everything else is {data.protocol}."
        )
    return found


def _seeds(data: ReportData, analysis: Analysis) -> list[str]:
    """What another training would give: unknown, or known from short ones."""
    trained = families(data)
    apart = all(row.seed is None for row in data.rows)
    if any(len(t.members) > 1 for t in trained):
        names = list(dict.fromkeys(t.kin or "seed" for t in trained))
        networks = sum(len(t.members) for t in trained)
        sentence = f"The seed noise is that of {plural(networks, 'short training')} "
        sentence += f"({joined(names)}). "
        if apart:
            sentence += (
                "They are in the tables of shared weights and of seeds only; the networks of the "
                "other tables are one longer training each, which may vary less or more."
            )
        return [sentence.strip()]
    if analysis.baselines and apart:
        return [
            (
                "Every network is one training, with one seed: verdicts are about these trained "
                "networks, not about what another training of the same variant would give."
            )
        ]
    return []


def _figures(data: ReportData) -> list[str]:
    """Figures that are no finite numbers, means that are not those of their images, mixed sets."""
    odd, wrong = [], []
    contents: dict[tuple[int, str], set[str]] = {}
    for (row, scale, dataset), cell in data.quality.items():
        if cell.status != "done":
            continue
        contents.setdefault((scale, dataset), set()).add(cell.dataset_sha256)
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


def _latency(data: ReportData) -> list[str]:
    """What was measured on a busy machine, and what was not known well enough in the time."""
    done = [cell for cell in data.latency if cell.status == "done"]
    found = []
    busy = [b for c in done if (b := c.figure("busy_percent") or 0.0) > BUSY_PERCENT]
    if busy:
        found.append(
            f"Other programs used up to {number(max(busy), 0)} % of the processors while latency "
            f"was measured ({len(busy)} of {plural(len(done), 'row')}; more than {BUSY_PERCENT} % "
            "is busy): expect noise, and measure again on a quiet machine."
        )
    noisy = [f"{c.title} {c.scale}\u00d7" for c in done if c.noisy]
    if noisy:
        found.append(
            f"Latency is noisy in {len(noisy)} of {plural(len(done), 'row')} ({some(noisy)}): the "
            "median was not known to the target in the time allowed."
        )
    return found
