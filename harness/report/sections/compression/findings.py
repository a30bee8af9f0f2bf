"""What compression costs: which smaller network gives up least, and who shares best."""

import math
from collections.abc import Sequence

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis
from harness.report.data import ReportData
from harness.report.rows import ReportRow
from harness.report.section import Finding
from harness.report.sections.compression.seed_groups import Noise, noise_of
from harness.report.smaller import comparable, smaller_networks
from harness.report.standing import (
    HeadToHead,
    Standing,
    head_to_head,
    is_candidate,
    leaders,
    standings,
)
from harness.report.text import PLACE, joined, number, plural, signed, some
from harness.report.verdicts import margin_words
from harness.statistics.bootstrap import LEVEL


def findings(data: ReportData, analysis: Analysis) -> list[Finding]:
    """The smaller networks that are not shown to be behind, and which convolution to share."""
    ranked = [s for s in standings(data, analysis) if is_candidate(s.row)]
    found = [_compression(data, analysis, ranked), _best_shared(data, analysis, ranked)]
    return [finding for finding in found if finding]


def _compression(
    data: ReportData, analysis: Analysis, ranked: Sequence[Standing]
) -> Finding | None:
    """What the smaller networks give up: only what verdicts and intervals bear out."""
    savings = {standing.row: saved for standing, saved in smaller_networks(data, analysis)}
    smaller = [s for s in ranked if s.row in savings]
    if not smaller:
        return None
    same, fewer = comparable(smaller)
    best = leaders(data, same)
    mine = [savings[s.row] for s in best]
    shares = _range(
        [number(100 * s.least_share, 1) for s in mine],
        [number(100 * s.most_share, 1) for s in mine],
    )
    counts = _range([number(s.least, 0) for s in mine], [number(s.most, 0) for s in mine])
    noises = {s.row: noise_of(data, s.row, s.tested) for s in best}
    detail = []
    if len(best) == len(smaller) == 1:
        detail.append(f"{best[0].row.title} is the one smaller network that was compared.")
    elif len(best) == 1:
        detail.append(f"Of {len(smaller)} smaller networks {best[0].row.title} is shown best.")
    else:
        detail.append(
            f"Of {len(smaller)} smaller networks {len(best)} are not told apart: "
            f"{joined([s.row.title for s in best])}."
        )
    detail.append(f"Against {analysis.baseline_title}: {counts} parameters fewer.")
    detail += _sentences(best)
    if fewer:
        detail.append(f"Not ranked, over other images: {some([s.row.title for s in fewer])}.")
    detail += _caution(best, noises)
    return Finding(10, _headline(f"{shares} % fewer parameters", best, noises), " ".join(detail))


def _range(low: Sequence[str], high: Sequence[str]) -> str:
    """``16.5``, or ``10.0 to 16.5`` where ends differ as printed."""
    ends = dict.fromkeys((low[0], *low[1:], *high))
    ordered = sorted(ends, key=lambda text: float(text.replace(",", "").replace("\u2212", "-")))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _headline(share: str, best: Sequence[Standing], noises: dict[ReportRow, Noise | None]) -> str:
    directions = {s.direction for s in best}
    cells = len(best[0].tested)
    place = plural(cells, *PLACE)
    better, worse = ([getattr(s, name) for s in best] for name in ("better", "worse"))
    if directions == {"unknown"}:
        return f"{share}; what that does to PSNR is not known."
    if directions <= {"equivalent"}:
        return f"{share}, PSNR {margin_words(PSNR)} in {_all(cells)}."
    if directions <= {"none", "equivalent", "some", "unknown"}:
        means = [s.mean for s in best if s.mean]
        low, high = min(m.low for m in means), max(m.high for m in means)
        bounds = f"between {signed(low, 3)} and {signed(high, 3)} dB at {LEVEL:.0%}"
        if "some" in directions:
            return f"{share}; no difference in PSNR is shown beyond chance (on average {bounds})."
        where = _any(cells)
        return f"{share}; no difference in PSNR is shown in {where} (on average {bounds})."
    if len(best) == cells == 1:
        word = "better" if best[0].better else "worse"
        text = f"{share}; PSNR is shown {word} in {_any(cells)}"
    else:
        counts = []
        for word, numbers in (("better", better), ("worse", worse)):
            ends = _range([str(n) for n in numbers], [str(n) for n in numbers])
            counts.append(f"{word} in {'none' if ends == '0' else ends}")
        text = f"{share}; PSNR is shown {joined(counts)} of {place}"
        if directions == {"worse"}:
            text = f"{share} cost PSNR: it is shown {joined(counts[::-1])} of {place}"
    if all((noise := noises[s.row]) and s.mean and noise.explains(s.mean.mean) for s in best):
        text += ", no more than another seed moves it"
    return f"{text}."


def _any(cells: int) -> str:
    return f"the one {PLACE[0]}" if cells == 1 else f"any of {plural(cells, *PLACE)}"


def _all(cells: int) -> str:
    return f"the one {PLACE[0]}" if cells == 1 else f"all {plural(cells, *PLACE)}"


def _sentences(best: Sequence[Standing]) -> list[str]:
    """Means and verdicts of the best: of several over as many pairs in one sentence."""
    pairs = {(len(s.tested), s.verdicts["no verdict"]) for s in best}
    if len(best) == 1 or len(pairs) > 1 or any(s.mean is None for s in best):
        return [_sentence(s, named=len(best) > 1) for s in best]
    each = [
        f"{s.row.title} {signed(s.mean.mean, 3)} dB ({signed(s.mean.low, 3)} to "
        f"{signed(s.mean.high, 3)}), {_counts(s, ('better', 'worse'))}"
        for s in best
        if s.mean
    ]
    ((tested, blank),) = pairs
    words = f"Mean difference with its {LEVEL:.0%} interval, and verdicts in"
    found = [f"{words} {plural(tested, *PLACE)}: {'; '.join(each)}."]
    if blank:
        words = plural(blank, "more pair has", "more pairs have")
        found.append(f"{words} too few images for a verdict.")
    return found


def _counts(s: Standing, verdicts: Sequence[str]) -> str:
    counts = [f"{name} in {s.verdicts[name]}" for name in verdicts if s.verdicts[name]]
    return joined(counts) or "no difference shown"


def _sentence(s: Standing, *, named: bool) -> str:
    """One row's mean with its interval, and its verdicts."""
    verdicts = _counts(s, ("better", "worse", "no difference shown"))
    start = f"{s.row.title}: " if named else ""
    blank = plural(s.verdicts["no verdict"], "more pair has", "more pairs have")
    if s.mean is None:
        text = f"{start}no {PLACE[0]} has enough images for a verdict."
        return text[0].upper() + text[1:]
    few = f" {blank} too few images for a verdict." if s.verdicts["no verdict"] else ""
    within = f"; {s.equivalent} {margin_words(PSNR)}" if s.equivalent else ""
    return (
        f"{start}{'m' if named else 'M'}ean difference {signed(s.mean.mean, 3)} dB "
        f"({LEVEL:.0%} interval {signed(s.mean.low, 3)} to {signed(s.mean.high, 3)}) over "
        f"{plural(len(s.tested), *PLACE)} ({verdicts}{within}).{few}"
    )


def _caution(best: Sequence[Standing], noises: dict[ReportRow, Noise | None]) -> list[str]:
    """What other trainings would give, as far as that was measured."""
    found = []
    if any(s.untold for s in best):
        found.append("How they were trained is not told.")
    known = [noise for noise in noises.values() if noise]
    if len(known) < len(noises):
        found.append("Seed noise was not measured for this recipe and number of steps.")
    elif known:
        noise = max(known, key=lambda n: n.of_difference())
        found.append(
            f"Seeds alone move such a difference by \u00b1{number(noise.of_difference(), 3)} dB "
            f"({plural(noise.networks, 'training')}, {plural(noise.places, *PLACE)})."
        )
    return found


def _head_to_head(title: str, duels: Sequence[tuple[str, HeadToHead]]) -> str:
    """In how many places one is shown better and worse than each of the others."""
    where = {duel.cells for _, duel in duels}
    if len(where) == 1 and not any(duel.worse for _, duel in duels):
        words = [f"{name} in {duel.better}" for name, duel in duels]
        of = plural(where.pop(), *PLACE)
        return f"Head to head {title} is shown better than {some(words)} of {of}, worse in none."
    words = [
        f"than {name} in {duel.better} and worse in {duel.worse} of {duel.cells}"
        for name, duel in duels
    ]
    return f"Head to head {title} is shown better {some(words)}."


def _best_shared(
    data: ReportData, analysis: Analysis, ranked: Sequence[Standing]
) -> Finding | None:
    """Which convolution's weights serve best, among tied upsamplers."""
    tied, _ = comparable([s for s in ranked if s.row.is_tied and s.tested])
    if len(tied) < 2:
        return None
    best = leaders(data, tied)
    noises = {s.row: noise_of(data, s.row, s.tested) for s in tied}
    names = joined([s.row.title for s in best])
    if len(best) == 1:
        headline = f"{names} is shown best of {len(tied)} shared upsamplers"
        second = max(
            (s for s in tied if s is not best[0]),
            key=lambda s: s.mean.mean if s.mean else -math.inf,
        )
        noise = noises[best[0].row]
        gap = (best[0].mean.mean - second.mean.mean) if best[0].mean and second.mean else 0.0
        if noise and noise.explains(gap):
            headline += ", by no more than another seed moves it"
    elif len(best) == len(tied):
        headline = f"None of {len(tied)} shared upsamplers is shown best"
    else:
        headline = f"{names} lead {len(tied)} shared upsamplers and are not told apart"
    parts = [
        f"{s.row.title} {signed(s.mean.mean, 3)} dB "
        f"[{signed(s.mean.low, 3)}, {signed(s.mean.high, 3)}]"
        for s in sorted(tied, key=lambda s: -s.mean.mean if s.mean else 0.0)
        if s.mean
    ]
    detail = [f"Mean difference to {analysis.baseline_title}, {LEVEL:.0%}: {some(parts)}."]
    first = best[0]
    duels = [(s.row.title, head_to_head(data, first.row, s.row)) for s in tied if s is not first]
    detail.append(_head_to_head(first.row.title, duels))
    detail += _caution(tied, noises)
    return Finding(20, f"{headline}.", " ".join(detail))
