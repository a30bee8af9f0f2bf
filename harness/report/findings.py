"""The findings for the first screen: each a headline and what stands behind it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.report import paper
from harness.report.analysis import Analysis, why_not_paired
from harness.report.data import ReportData
from harness.report.metrics import PSNR
from harness.report.rows import Latency, ReportRow
from harness.report.sections.compression.seed_groups import Noise, seed_noise
from harness.report.sections.cost.costs import baseline_cost
from harness.report.sections.latency.speed import compare_speed
from harness.report.sections.paper.comparisons import Comparison
from harness.report.text import joined, number, plural, signed, some
from harness.statistics.paired import ALPHA, compare_paired, holm


@dataclass(frozen=True)
class Finding:
    """One finding."""

    headline: str
    detail: str


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

    row: ReportRow
    mean: float
    verdicts: Counter[str]
    cells: int
    saved: float | None
    share: float | None


def standings(data: ReportData, analysis: Analysis) -> list[Standing]:
    """Every row that computes as the baseline does and was compared, in the tables' order."""
    found = []
    for row in data.rows:
        paired = [
            p
            for (scale, dataset), base in analysis.baselines.items()
            if (p := analysis.outcome(row, scale, dataset, PSNR.key).paired)
            and math.isfinite(p.mean)
            and (_way(row) == _way(base) or not row.has_network)
        ]
        if paired:
            saved, share = _saved(data, analysis, row)
            mean = sum(p.mean for p in paired) / len(paired)
            verdicts = Counter(str(p.verdict) for p in paired)
            found.append(Standing(row, mean, verdicts, len(paired), saved, share))
    return found


def _way(row: ReportRow) -> tuple[str, str]:
    return row.dtype, row.backend


def _saved(
    data: ReportData, analysis: Analysis, row: ReportRow
) -> tuple[float | None, float | None]:
    """Parameters saved, where it is the same at every scale."""
    pairs = set()
    for scale in data.scales:
        base = baseline_cost(data, analysis.baseline_name, scale)
        cost = data.cost.get((row.variant, scale))
        ours = cost.figure("params") if cost and cost.status == "done" else None
        theirs = base.figure("params") if base else None
        if ours is not None and theirs:
            pairs.add((theirs - ours, (theirs - ours) / theirs))
    return pairs.pop() if len(pairs) == 1 else (None, None)


def findings(
    data: ReportData, analysis: Analysis, comparisons: Sequence[Comparison]
) -> list[Finding]:
    """At most three, the most telling ones that the records carry."""
    ranked = standings(data, analysis)
    # A mean over fewer cells is a mean over other images.
    whole = max((s.cells for s in ranked), default=0)
    ranked = [standing for standing in ranked if standing.cells == whole]
    noise = seed_noise(data, PSNR, analysis.baselines)
    candidates = [
        _compression(analysis, ranked, noise),
        _lender(data, ranked, noise),
        _against_paper(comparisons),
        _best_quality(data),
        _fastest(data),
        _smallest(data),
    ]
    return [finding for finding in candidates if finding][:3]


def _compression(
    analysis: Analysis, ranked: Sequence[Standing], noise: Noise | None
) -> Finding | None:
    """The smaller network that gives up least."""
    smaller = [s for s in ranked if s.saved and s.saved > 0 and s.row.has_network]
    if not smaller:
        return None
    best = max(smaller, key=lambda s: s.mean)
    share = f"{number(100 * (best.share or 0), 1)} % fewer parameters"
    size = number(abs(best.mean), 3)
    headline = f"{share} cost {size} dB." if best.mean < 0 else f"{share}, {size} dB more."
    if noise is not None and noise.explains(best.mean):
        headline = f"{share} make no difference beyond the seed noise."
    return Finding(
        headline,
        f"{_of_how_many(len(smaller), best.row.title)} against {analysis.baseline_title}: "
        f"{number(best.saved, 0)} parameters fewer, "
        f"{signed(best.mean, 3)} dB on average over {_cells(best.cells)} "
        f"({_verdicts(best.verdicts)})." + _noise(noise),
    )


def _noise(noise: Noise | None) -> str:
    """What a difference has to be twice of; empty where it is not known."""
    if noise is None:
        return ""
    return (
        f" Seeds alone move such a difference by \u00b1{number(noise.of_difference(), 3)} dB "
        f"({plural(noise.networks, 'training')}, {_cells(noise.places)})."
    )


def _of_how_many(count: int, title: str) -> str:
    if count == 1:
        return f"{title} is the one smaller network that was measured"
    return f"Of {count} smaller networks, {title} stands best"


def _cells(count: int) -> str:
    return plural(count, "pair of scale and dataset", "pairs of scale and dataset")


def _verdicts(counts: Counter[str]) -> str:
    order = ("better", "worse", "no difference shown", "no verdict")
    return joined([f"{name} in {counts[name]}" for name in order if counts[name]])


def _lender(data: ReportData, ranked: Sequence[Standing], noise: Noise | None) -> Finding | None:
    """Which convolution lends its weights best, among tied upsamplers."""
    tied = [s for s in ranked if s.row.is_tied]
    if len(tied) < 2:
        return None
    tied = sorted(tied, key=lambda s: -s.mean)
    first, second = tied[0], tied[1]
    ahead, tested = head_to_head(data, first.row, second.row)
    leads = f"{first.row.title} leads the shared upsamplers"
    if tested and not ahead:
        leads = f"{first.row.title} leads the shared upsamplers, but not beyond chance"
    if noise is not None:
        close = [s.row.title for s in tied if noise.explains(first.mean - s.mean)]
        if len(close) == len(tied):
            leads = "No shared upsampler leads beyond the seed noise"
        elif len(close) > 1:
            leads = f"{joined(close)} lead the shared upsamplers, not told apart by the seed noise"
    parts = [f"{s.row.title} {signed(s.mean, 3)} dB" for s in tied]
    detail = f"Mean difference to the baseline: {joined(parts)}."
    if tested:
        detail += (
            f" Image by image, {first.row.title} is shown better than "
            f"{second.row.title} in {ahead} of {_cells(tested)} with enough images."
        )
    return Finding(f"{leads}.", detail + _noise(noise))


def head_to_head(data: ReportData, ours: ReportRow, theirs: ReportRow) -> tuple[int, int]:
    """In how many cells ours is shown better, of how many that can carry a verdict.

    Holm-corrected over the cells: one question, asked of each.
    """
    outcomes = []
    for scale in data.scales:
        for dataset in data.datasets:
            a, b = data.cell(ours, scale, dataset), data.cell(theirs, scale, dataset)
            if a is None or b is None or why_not_paired(a, b, PSNR.key):
                continue
            values = a.values[PSNR.key][:, None]
            outcome = compare_paired(values, b.values[PSNR.key])[0]
            if outcome.verdict != "no verdict":
                outcomes.append(outcome)
    corrected = holm(np.array([outcome.p for outcome in outcomes]))
    ahead = sum(
        outcome.verdict == "better" and p < ALPHA
        for outcome, p in zip(outcomes, corrected, strict=True)
    )
    return ahead, len(outcomes)


def _against_paper(comparisons: Sequence[Comparison]) -> Finding | None:
    cells = [
        c
        for c in comparisons
        if c.metric is PSNR
        and c.paper_row != paper.BICUBIC_ROW
        # The authors' own networks, and ours in another way, are no results of ours.
        and (c.row is None or (c.row.is_plain and not c.row.from_authors))
    ]
    measured = [c for c in cells if c.mark != "not measured"]
    if not measured:
        return None
    counts = Counter(c.mark for c in measured)
    parts = [f"{counts[m]} {m}" for m in ("reproduced", "above", "below") if counts[m]]
    rest = len(cells) - len(measured)
    deltas = [c.delta for c in measured if c.delta is not None]
    return Finding(
        f"{sum(c.met for c in measured)} of {plural(len(measured), 'network result')} meet the "
        "paper's Table 1.",
        f"Mean PSNR: {joined(parts)}, differences from {signed(min(deltas), 2)} to "
        f"{signed(max(deltas), 2)} dB" + (f"; {rest} more were not measured." if rest else "."),
    )


def _best_quality(data: ReportData) -> Finding | None:
    """Who has the highest mean PSNR in most cells."""
    winners: Counter[ReportRow] = Counter()
    cells = 0
    for scale in data.scales:
        for dataset in data.datasets:
            found = [data.cell(e, scale, dataset) for e in data.rows]
            known = {c.row: m for c in found if c and (m := c.mean(PSNR)) is not None}
            means = {row: mean for row, mean in known.items() if not math.isnan(mean)}
            if len(means) > 1:
                cells += 1
                # Of several that reproduce an image exactly none leads.
                if list(means.values()).count(math.inf) < 2:
                    winners[max(means, key=lambda e: means[e])] += 1
    if not winners:
        return None
    winner, count = winners.most_common(1)[0]
    return Finding(
        f"{winner.title} has the highest mean PSNR most often.",
        f"It leads in {count} of {_cells(cells)}.",
    )


def _fastest(data: ReportData) -> Finding | None:
    """The fastest network where the most were measured alike, or those that share the lead."""
    groups: dict[tuple[int, str], list[Latency]] = {}
    for cell in data.latency:
        if cell.figure("median_ms") is not None and cell.row.has_network:
            groups.setdefault((cell.scale, cell.place), []).append(cell)
    if not groups:
        return None
    (scale, place), rows = max(groups.items(), key=lambda item: (len(item[1]), item[0]))
    first = min(rows, key=lambda cell: (cell.figure("median_ms"), cell.title))
    beaten = {cell.title for cell in rows if compare_speed(first, cell).verdict == "faster"} - {
        first.title
    }
    if not beaten:
        return None
    leaders = [first.title, *(c.title for c in rows if c.title not in {first.title, *beaten})]
    time = f"{number(first.figure('median_ms'), 2)} ms for a forward pass ({place})"
    if len(leaders) == 1:
        return Finding(
            f"{first.title} is the fastest network at {scale}\u00d7.",
            f"{time}, faster than the other {plural(len(beaten), 'row')} round by round.",
        )
    return Finding(
        f"{some(leaders)} are the fastest at {scale}\u00d7 and not told apart.",
        f"{first.title} has the least median, {time}; it is shown faster than {len(beaten)} of "
        f"{plural(len(rows) - 1, 'other row')}.",
    )


def _smallest(data: ReportData) -> Finding | None:
    sizes = [
        (params, cost.row.label) for cost in data.cost.values() if (params := cost.figure("params"))
    ]
    if not sizes:
        return None
    params, label = min(sizes)
    return Finding(f"{label} is the smallest network.", f"It has {number(params, 0)} parameters.")
