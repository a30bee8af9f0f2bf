"""What it costs that the upsampler uses a convolution's weights, beside the noise of the seeds."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.metrics.registry import PSNR
from harness.report.analysis import Analysis, named_variants, why_not_paired
from harness.report.data import ReportData
from harness.report.rows import Float64Array, Place, Quality
from harness.report.sections.compression.seed_groups import (
    Noise,
    Trained,
    seed_cells,
    seed_groups,
    seed_noise,
    seeds_like,
)
from harness.report.table import Cell, Column, Row, Table, psnr_difference_columns, text_cell
from harness.report.text import NONE, PLACE, any_of, fraction, joined, plural
from harness.report.verdicts import MARKS, SIGNS, compare, psnr_figures
from harness.statistics.bootstrap import mean_of
from harness.statistics.paired import Paired, paired_differences


@dataclass(frozen=True)
class Share:
    """One shared upsampler against the baseline that was trained like it, at one place.

    Attributes:
        paired: over images, of the mean over the seeds that both have.
        seeds: how many those are; 1 for networks that stand alone.
    """

    paired: Paired
    seeds: int


Shares = Mapping[tuple[int, Place], Share]
"""By the row's number and the place."""
Noises = Mapping[tuple[int, Place], Noise | None]
"""Of the row's own recipe and budget, where that was trained with several seeds."""


def sharing_table(data: ReportData, analysis: Analysis) -> Table:
    """Shared upsamplers down, scales and datasets across; the seed noise in the last row."""
    rows = _rows(data, analysis)
    shares = _shares(data, analysis, rows)
    measured = {place for _, place in shares}
    places = [(s, d) for s in data.scales for d in data.datasets if (s, d) in measured]
    noises = {
        (number, place): seed_noise(data, PSNR, [place], seeds_like(data, rows[number]))
        for number, place in shares
    }
    leads = _leads(rows, shares, noises)
    body = []
    for number, trained in enumerate(rows):
        cells = [
            _cell(shares.get((number, p)), noises.get((number, p)), leads=(number, p) in leads)
            for p in places
        ]
        if any(cell.value is not None for cell in cells):
            seeds = max(share.seeds for (i, _), share in shares.items() if i == number)
            body.append(Row([text_cell(_title(trained, seeds)), *cells]))
    body += _noise_rows(rows, noises, places)
    columns = [Column("variant", "Shared upsampler", "then whose training", numeric=False)]
    columns += psnr_difference_columns(places)
    caption = "Sharing weights: mean difference in PSNR (dB) to the baseline trained alike"
    notes = _notes(rows, shares, noises, leads) if body else []
    return Table("sharing", caption, columns, body, notes)


def _trained_as(trained: Trained) -> str:
    return f"trained as {trained.recipe}"


def _title(trained: Trained, seeds: int) -> str:
    if "" in trained.members:
        return trained.row.title
    return f"{trained.label} [{trained.recipe}, {plural(seeds, 'seed')}]"


def _alone(data: ReportData) -> list[Trained]:
    """Networks without a seed in their name, in eager float32."""
    return [
        Trained(e.variant, e.label, e.weights, {"": e})
        for e in data.rows
        if e.has_network and e.seed is None and e.is_plain
    ]


def _rows(data: ReportData, analysis: Analysis) -> list[Trained]:
    """Shared upsamplers by training, the baseline's own variant left out."""
    names = named_variants(data, analysis.baseline_name)
    tied = [
        t for t in [*_alone(data), *seed_groups(data)] if t.row.is_tied and t.variant not in names
    ]
    return sorted(tied, key=lambda t: ("" not in t.members, t.recipe))


def _shares(data: ReportData, analysis: Analysis, rows: Sequence[Trained]) -> Shares:
    """Every comparison, Holm-corrected over the rows of one training and place."""
    names = named_variants(data, analysis.baseline_name)
    bases = {_training(t): t for t in [*_alone(data), *seed_groups(data)] if t.variant in names}
    found: dict[tuple[int, Place], Share] = {}
    for place in {(s, d) for _, s, d in [*data.quality, *data.seed_quality]}:
        groups: dict[tuple[object, ...], list[tuple[int, Float64Array, int]]] = {}
        for number, trained in enumerate(rows):
            usual = analysis.baselines.get(place)
            if "" in trained.members and usual is not None and usual.seed is None:
                # The same verdict as in the other tables.
                paired = analysis.estimate(trained.row, *place, PSNR.key).paired
                if paired and data.apart(trained.row, usual, place[0]) != "trained otherwise":
                    found[number, place] = Share(paired, 1)
                    continue
            base = bases.get(_training(trained))
            if base is None or _apart(data, trained, base, place):
                continue
            if columns := _differences(data, trained, base, place):
                mean = mean_of(np.stack(columns))
                key = (*_training(trained), len(mean))
                groups.setdefault(key, []).append((number, mean, len(columns)))
        for members in groups.values():
            differences = np.column_stack([mean for _, mean, _ in members])
            results = compare(PSNR, differences, np.zeros(len(differences)))
            for (number, _, seeds), paired in zip(members, results, strict=True):
                found[number, place] = Share(paired, seeds)
    return {key: share for key, share in found.items() if math.isfinite(share.paired.mean)}


def _apart(data: ReportData, ours: Trained, base: Trained, place: Place) -> bool:
    """Whether two networks of one name are known to be trained otherwise."""
    return data.apart(ours.row, base.row, place[0]) == "trained otherwise"


def _training(trained: Trained) -> tuple[bool, str]:
    """What a shared upsampler and its baseline must have in common."""
    return "" in trained.members, trained.recipe


def _differences(
    data: ReportData, ours: Trained, base: Trained, place: Place
) -> list[Float64Array]:
    """PSNR per image less the baseline's of the same seed, for every seed that both have."""
    mine, theirs = _cells(data, ours, place), _cells(data, base, place)
    return [
        paired_differences(cell.values[PSNR.key][:, None], theirs[seed].values[PSNR.key])[:, 0]
        for seed, cell in mine.items()
        if seed in theirs and not why_not_paired(cell, theirs[seed], PSNR.key)
    ]


def _cells(data: ReportData, trained: Trained, place: Place) -> Mapping[str, Quality]:
    if "" not in trained.members:
        return seed_cells(data, trained, place)
    cell = data.cell(trained.row, *place)
    return {} if cell is None else {"": cell}


def _leads(rows: Sequence[Trained], shares: Shares, noises: Noises) -> set[tuple[int, Place]]:
    """Who is ahead of every other shared upsampler of the same training beyond the noise."""
    found = set()
    for place in {place for _, place in shares}:
        groups: dict[tuple[bool, str], list[int]] = {}
        for number, trained in enumerate(rows):
            if (number, place) in shares:
                groups.setdefault(_training(trained), []).append(number)
        for members in groups.values():
            noise = noises[members[0], place]
            if noise is None or len(members) < 2:
                continue
            first, second, *_ = sorted(members, key=lambda i: -shares[i, place].paired.mean)
            one, other = shares[first, place], shares[second, place]
            seeds = min(one.seeds, other.seeds)
            if not noise.explains(one.paired.mean - other.paired.mean, seeds):
                found.add((first, place))
    return found


def _cell(share: Share | None, noise: Noise | None, *, leads: bool) -> Cell:
    if share is None:
        return Cell(NONE, note="not measured, or no baseline trained alike", marks=("missing",))
    paired = share.paired
    note = f"{paired.verdict}{': ' + paired.why if paired.why else ''}"
    also = {**psnr_figures(paired), "seeds": share.seeds}
    sub, marks = "", (MARKS[paired.verdict], *(("best",) if leads else ()))
    if noise is not None:
        deviation = noise.of_difference(share.seeds)
        also["seed_noise_db"] = deviation
        sub = f"\u00b1{PSNR.value(deviation)}"
        if noise.explains(paired.mean, share.seeds):
            sub, marks = f"{sub}\nwithin noise", ("quiet", *marks[1:])
    text = f"{PSNR.delta(paired.mean)} {SIGNS[paired.verdict]}".strip()
    return Cell(text, value=paired.mean, note=note, marks=marks, sub=sub, also=also)


def _noise_rows(rows: Sequence[Trained], noises: Noises, places: Sequence[Place]) -> Iterator[Row]:
    """The seed noise by recipe, one row each, where there is any."""
    for recipe in dict.fromkeys(_training(trained) for trained in rows):
        mine = [i for i, trained in enumerate(rows) if _training(trained) == recipe]
        found = [next((n for i in mine if (n := noises.get((i, p)))), None) for p in places]
        if any(found):
            title = f"Seed noise of one mean [{recipe[1]}]"
            yield Row([text_cell(title), *(_noise(noise) for noise in found)])


def _noise(noise: Noise | None) -> Cell:
    if noise is None:
        return Cell(NONE, note="no two seeds were measured here", marks=("missing",))
    what = f"{plural(noise.networks, 'training')} of {plural(noise.variants, 'variant')}"
    return Cell(
        f"\u00b1{PSNR.value(noise.deviation)}", note=what, also={"seed_noise_db": noise.deviation}
    )


def _notes(
    rows: Sequence[Trained],
    shares: Shares,
    noises: Noises,
    leads: set[tuple[int, Place]],
) -> list[str]:
    known = [noise for noise in noises.values() if noise]
    unknown = dict.fromkeys(_trained_as(rows[i]) for (i, _), noise in noises.items() if not noise)
    notes = []
    if unknown:
        notes.append(
            f"Seed noise was not measured for networks {joined(list(unknown), 'or')}: how far "
            "another seed moves their means is not known."
        )
    if not known:
        return notes
    most = max(known, key=lambda noise: noise.networks)
    notes += [
        (
            "The seed noise of one mean is its standard deviation over seeds, pooled over "
            f"{plural(most.variants, 'variant')} ({plural(most.networks, 'training')}). Below a "
            "difference stands the noise of such a difference: both sides are trainings, so that "
            "it is \u221a2 times as large, and less by the root of the number of seeds where "
            "means over seeds are compared. Within noise: less than twice that. In bold: ahead of "
            "every other shared upsampler of the same training by at least twice that."
        )
    ]
    return [*notes, *_answers(rows, shares, noises, leads)]


def _answers(
    rows: Sequence[Trained],
    shares: Shares,
    noises: Noises,
    leads: set[tuple[int, Place]],
) -> Iterator[str]:
    """What sharing costs and which convolution serves best, by training, counted over the cells."""
    for recipe in dict.fromkeys(_training(trained) for trained in rows):
        mine = [i for i, trained in enumerate(rows) if _training(trained) == recipe]
        counts: Counter[str] = Counter()
        known = {key: noise for key, noise in noises.items() if key[0] in mine and noise}
        for key, noise in known.items():
            if (share := shares.get(key)) is not None:
                beyond = "above" if share.paired.mean > 0 else "below"
                within = noise.explains(share.paired.mean, share.seeds)
                counts["within" if within else beyond] += 1
        if not counts:
            continue
        yield (
            f"Trained as {recipe[1]}: {plural(counts.total(), 'difference')} to the baseline, "
            f"{counts['within']} within the seed noise, {counts['below']} below and "
            f"{counts['above']} above it."
        )
        contested = {p for _, p in known if sum((i, p) in shares for i in mine) > 1}
        if not contested:
            continue
        won = Counter(rows[i].label for i, _ in leads if i in mine)
        ahead = joined([f"{label} in {count}" for label, count in won.most_common()])
        yield (
            f"Trained as {recipe[1]}, no shared convolution is better than all the others beyond "
            f"the seed noise in {any_of(len(contested), *PLACE)}."
            if not won
            else f"Trained as {recipe[1]}, one shared convolution is better than all the others "
            f"beyond the seed noise in {fraction(won.total(), len(contested), *PLACE)}: {ahead}."
        )
