"""The first screen: what was compared, what was found, and what to be wary of."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report import paper
from harness.report.analysis import Analysis
from harness.report.metrics import METRICS, PSNR
from harness.report.model import Entrant, ReportData
from harness.report.stats import MIN_IMAGES, Paired
from harness.report.tables_cost import baseline_cost
from harness.report.tables_paper import Comparison
from harness.report.text import joined, number, plural, signed


@dataclass(frozen=True)
class Standing:
    """How one row does against the baseline over all cells that both have.

    Attributes:
        mean: of the cells' mean differences in PSNR, each cell counted once.
        verdicts: how many cells ended in which verdict.
        cells: how many there are.
        saved: parameters saved at the scales in question, None where not counted.
        share: the same as a share of the baseline's.
    """

    entrant: Entrant
    mean: float
    verdicts: Counter[str]
    cells: int
    saved: float | None
    share: float | None


def standings(data: ReportData, analysis: Analysis) -> list[Standing]:
    """Every row that was compared with the baseline, in the tables' order."""
    found = []
    for entrant in data.entrants:
        paired = [
            p
            for scale in data.scales
            for dataset in data.datasets
            if (p := analysis.outcome(entrant, scale, dataset, PSNR.key).paired)
            and math.isfinite(p.mean)
        ]
        if paired:
            saved, share = _saved(data, analysis, entrant)
            mean = sum(p.mean for p in paired) / len(paired)
            verdicts = Counter(str(p.verdict) for p in paired)
            found.append(Standing(entrant, mean, verdicts, len(paired), saved, share))
    return found


def _saved(
    data: ReportData, analysis: Analysis, entrant: Entrant
) -> tuple[float | None, float | None]:
    """Parameters saved, where it is the same at every scale."""
    pairs = set()
    for scale in data.scales:
        base = baseline_cost(data, analysis.baseline_name, scale)
        cost = data.cost.get((entrant.variant, scale))
        ours = cost.figure("params") if cost and cost.status == "done" else None
        theirs = base.figure("params") if base else None
        if ours is not None and theirs:
            pairs.add((theirs - ours, (theirs - ours) / theirs))
    return pairs.pop() if len(pairs) == 1 else (None, None)


def findings(data: ReportData, analysis: Analysis, comparisons: Sequence[Comparison]) -> list[str]:
    """At most three sentences, the most telling ones that the records carry."""
    ranked = standings(data, analysis)
    candidates = [
        _compression(data, analysis, ranked),
        _lender(ranked),
        _against_paper(comparisons),
        _best_quality(data),
        _fastest(data),
        _smallest(data),
    ]
    return [sentence for sentence in candidates if sentence][:3]


def _compression(data: ReportData, analysis: Analysis, ranked: Sequence[Standing]) -> str | None:
    """The smaller network that gives up least."""
    smaller = [s for s in ranked if s.saved and s.saved > 0 and s.entrant.has_network]
    if not smaller:
        return None
    best = max(smaller, key=lambda s: s.mean)
    base = next((e for e in analysis.baselines.values()), None)
    assert base is not None
    return (
        f"Of the {plural(len(smaller), 'smaller network')}, {best.entrant.title} stays closest "
        f"to {base.title}: {number(best.saved, 0)} parameters fewer "
        f"({signed(-100 * (best.share or 0), 1)} %) for {signed(best.mean, 3)} dB on average over "
        f"{plural(best.cells, 'scale and dataset', 'scales and datasets')} "
        f"({_verdicts(best.verdicts)})."
    )


def _verdicts(counts: Counter[str]) -> str:
    order = ("better", "worse", "no difference shown", "no verdict")
    return joined([f"{name} in {counts[name]}" for name in order if counts[name]])


def _lender(ranked: Sequence[Standing]) -> str | None:
    """Which convolution lends its weights best, among tied upsamplers."""
    tied = [s for s in ranked if dict(s.entrant.upsampler_options).get("conv")]
    if len(tied) < 2:
        return None
    tied.sort(key=lambda s: -s.mean)
    parts = [f"{s.entrant.title} {signed(s.mean, 3)} dB" for s in tied]
    return (
        "Which convolution lends its weights best? By mean difference to the baseline: "
        f"{joined(parts)}."
    )


def _against_paper(comparisons: Sequence[Comparison]) -> str | None:
    cells = [c for c in comparisons if c.metric is PSNR and c.row != paper.BICUBIC_ROW]
    measured = [c for c in cells if c.mark != "not measured"]
    if not measured:
        return None
    counts = Counter(c.mark for c in measured)
    parts = [f"{counts[m]} {m}" for m in ("reproduced", "above", "below") if counts[m]]
    rest = len(cells) - len(measured)
    return (
        f"Against the paper's Table 1 (PSNR of the networks): {joined(parts)} of "
        f"{plural(len(measured), 'cell')}" + (f"; {rest} more were not measured." if rest else ".")
    )


def _best_quality(data: ReportData) -> str | None:
    """Who has the highest mean PSNR in most cells."""
    winners: Counter[Entrant] = Counter()
    cells = 0
    for scale in data.scales:
        for dataset in data.datasets:
            found = [data.cell(e, scale, dataset) for e in data.entrants]
            means = {c.entrant: m for c in found if c and (m := c.finite_mean(PSNR)) is not None}
            if len(means) > 1:
                cells += 1
                winners[max(means, key=lambda e: means[e])] += 1
    if not winners:
        return None
    winner, count = winners.most_common(1)[0]
    return (
        f"{winner.title} has the highest mean PSNR in {count} of "
        f"{plural(cells, 'scale and dataset', 'scales and datasets')}."
    )


def _fastest(data: ReportData) -> str | None:
    """The network with the least median latency at the largest number of comparable rows."""
    groups: dict[tuple[int, str], list[tuple[float, str]]] = {}
    for cell in data.latency:
        median = cell.figure("median_ms")
        if median is not None and cell.entrant.has_network:
            groups.setdefault((cell.scale, cell.place), []).append((median, cell.entrant.title))
    if not groups:
        return None
    (scale, place), rows = max(groups.items(), key=lambda item: (len(item[1]), item[0]))
    if len(rows) < 2:
        return None
    median, title = min(rows)
    return (
        f"The fastest network at {scale}\u00d7 is {title}: {number(median, 2)} ms for a forward "
        f"pass ({place})."
    )


def _smallest(data: ReportData) -> str | None:
    sizes = [
        (params, cost.entrant.label)
        for cost in data.cost.values()
        if (params := cost.figure("params"))
    ]
    if not sizes:
        return None
    params, label = min(sizes)
    return f"The smallest network is {label} with {number(params, 0)} parameters."


def report_warnings(
    data: ReportData, analysis: Analysis, comparisons: Sequence[Comparison]
) -> list[str]:
    """What a reader has to know before believing the rest."""
    found = [*_bicubic(comparisons), *_coverage(data, analysis), *_figures(data)]
    found += [f"A job failed: {what}: {why}" for what, why in data.failures[:5]]
    if len(data.failures) > 5:
        found.append(f"{len(data.failures) - 5} more jobs failed; see the notes.")
    found += list(data.problems[:5])
    if len(data.problems) > 5:
        found.append(f"{len(data.problems) - 5} more records could not be used; see the notes.")
    return found


def _bicubic(comparisons: Sequence[Comparison]) -> list[str]:
    """Bicubic has no weights: where it differs from the paper, data or protocol differ."""
    checked = [c for c in comparisons if c.row == paper.BICUBIC_ROW and c.ours is not None]
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
            f"({joined(shown)}). Do not read the comparison with the paper as one of networks there."
        )
    ]


def bicubic_check(comparisons: Sequence[Comparison]) -> str:
    """The protocol check in one sentence, whatever its outcome."""
    checked = [c for c in comparisons if c.row == paper.BICUBIC_ROW and c.ours is not None]
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
    if data.other_quality:
        names = sorted({cell.protocol for cell in data.other_quality})
        found.append(
            f"Results with {joined(names)} are listed apart; everything else is {data.protocol}."
        )
    return found


def _figures(data: ReportData) -> list[str]:
    """Figures that are no finite numbers, means that are not those of their images, mixed sets."""
    odd, wrong = [], []
    contents: dict[tuple[int, str], set[str]] = {}
    for (entrant, scale, dataset), cell in data.quality.items():
        if cell.status != "done":
            continue
        contents.setdefault((scale, dataset), set()).add(cell.dataset_sha256)
        where = f"{entrant.title} {scale}\u00d7 {dataset}"
        for key, metric in METRICS.items():
            mean, values = cell.mean(metric), cell.values.get(key)
            if mean is None or values is None:
                continue
            if not math.isfinite(mean):
                odd.append(f"{where} ({metric.label} {number(mean, 1)})")
            elif abs(float(values.mean()) - mean) > 1e-6:
                wrong.append(f"{where} ({metric.label})")
    mixed = [f"{d} {s}\u00d7" for (s, d), hashes in contents.items() if len(hashes) > 1]
    found = []
    if odd:
        found.append(f"No finite mean: {_some(odd)}. They get no interval and no verdict.")
    if wrong:
        found.append(f"The mean in the record is not that of its images: {_some(wrong)}.")
    if mixed:
        found.append(
            f"Not all rows saw the same images: {_some(mixed)}. Rows that saw others than the "
            "baseline are not compared with it."
        )
    return found


def _some(items: list[str], most: int = 4) -> str:
    shown = items[:most] + ([f"{len(items) - most} more"] if len(items) > most else [])
    return joined(shown)


def paired_summary(paired: Paired) -> str:
    """One comparison in words, for tooltips and for the comparison of two runs."""
    return (
        f"{signed(paired.mean, 3)} [{signed(paired.low, 3)}, {signed(paired.high, 3)}], "
        f"{paired.verdict}"
    )
