"""What compression costs: the smaller network that gives up least, and who shares best."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis, baseline_cost, why_not_paired
from harness.report.data import ReportData
from harness.report.rows import ReportRow
from harness.report.section import Finding
from harness.report.sections.compression.seed_groups import Noise, seed_noise
from harness.report.text import PLACE, fraction, joined, number, plural, signed
from harness.statistics.paired import ALPHA, compare_paired, holm


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
            if (p := analysis.estimate(row, scale, dataset, PSNR.key).paired)
            and math.isfinite(p.mean)
            and (row.execution == base.execution or not row.has_network or row.is_external)
        ]
        if paired:
            saved, share = _saved(data, analysis, row)
            mean = sum(p.mean for p in paired) / len(paired)
            verdicts = Counter(str(p.verdict) for p in paired)
            found.append(Standing(row, mean, verdicts, len(paired), saved, share))
    return found


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


def findings(data: ReportData, analysis: Analysis) -> list[Finding]:
    """The smaller network that gives up least, and which convolution to share."""
    ranked = standings(data, analysis)
    # A mean over fewer cells is a mean over other images.
    whole = max((s.cells for s in ranked), default=0)
    ranked = [standing for standing in ranked if standing.cells == whole]
    noise = seed_noise(data, PSNR, analysis.baselines)
    found = [_compression(analysis, ranked, noise), _best_shared(data, ranked, noise)]
    return [finding for finding in found if finding]


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
        10,
        headline,
        f"{_of_how_many(len(smaller), best.row.title)} against {analysis.baseline_title}: "
        f"{number(best.saved, 0)} parameters fewer, "
        f"{signed(best.mean, 3)} dB on average over {plural(best.cells, *PLACE)} "
        f"({_verdicts(best.verdicts)})." + _noise(noise),
    )


def _noise(noise: Noise | None) -> str:
    """What a difference has to be twice of; empty where it is not known."""
    if noise is None:
        return ""
    return (
        f" Seeds alone move such a difference by \u00b1{number(noise.of_difference(), 3)} dB "
        f"({plural(noise.networks, 'training')}, {plural(noise.places, *PLACE)})."
    )


def _of_how_many(count: int, title: str) -> str:
    if count == 1:
        return f"{title} is the one smaller network that was measured"
    return f"Of {count} smaller networks, {title} stands best"


def _verdicts(counts: Counter[str]) -> str:
    order = ("better", "worse", "no difference shown", "no verdict")
    return joined([f"{name} in {counts[name]}" for name in order if counts[name]])


def _best_shared(
    data: ReportData, ranked: Sequence[Standing], noise: Noise | None
) -> Finding | None:
    """Which convolution's weights serve best, among tied upsamplers."""
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
            f"{second.row.title} in {fraction(ahead, tested, *PLACE)} with enough images."
        )
    return Finding(20, f"{leads}.", detail + _noise(noise))


def head_to_head(data: ReportData, ours: ReportRow, theirs: ReportRow) -> tuple[int, int]:
    """In how many cells ours is shown better, of how many that can carry a verdict.

    Holm-corrected over the cells: one question, asked of each.
    """
    found = []
    for scale in data.scales:
        for dataset in data.datasets:
            a, b = data.cell(ours, scale, dataset), data.cell(theirs, scale, dataset)
            if a is None or b is None or why_not_paired(a, b, PSNR.key):
                continue
            values = a.values[PSNR.key][:, None]
            paired = compare_paired(values, b.values[PSNR.key])[0]
            if paired.verdict != "no verdict":
                found.append(paired)
    corrected = holm(np.array([paired.p for paired in found]))
    ahead = sum(
        paired.verdict == "better" and p < ALPHA for paired, p in zip(found, corrected, strict=True)
    )
    return ahead, len(found)
