"""How far our networks get: cells of Table 1 that are met, and the gap to the authors' networks."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.analysis import why_not_paired
from harness.report.data import ReportData
from harness.report.metrics import METRICS, PSNR, SSIM, Metric
from harness.report.rows import Place, Quality, ReportRow
from harness.report.sections.paper.comparisons import Comparison
from harness.report.sections.quality.overview import MARKS, SIGNS
from harness.report.table import Cell, Column, Row, Table, text_cell
from harness.report.text import NONE, number, plural
from harness.statistics.paired import Paired, compare_paired


def met_table(comparisons: Sequence[Comparison]) -> Table:
    """Rows of Table 1 down, scales and metrics across: how many cells are met."""
    measured = [c for c in comparisons if c.ours is not None]
    scales = sorted({c.scale for c in measured})
    columns = [Column("model", "Model", "As in the paper, then whose weights", numeric=False)]
    columns += [
        Column(
            f"{key}_met_{scale}x", f"{scale}\u00d7 {metric.label}", "cells met, of those measured"
        )
        for scale in scales
        for key, metric in METRICS.items()
    ]
    rows: dict[str, list[Comparison]] = {}
    for c in measured:
        rows.setdefault(c.row.title if c.row else c.paper_row, []).append(c)
    body = [
        Row(
            [
                text_cell(name),
                *(
                    _met([c for c in cells if (c.scale, c.metric) == (scale, metric)], metric)
                    for scale in scales
                    for metric in METRICS.values()
                ),
            ]
        )
        for name, cells in rows.items()
    ]
    notes = [
        (
            "Met: at least the paper's figure as it is printed, so that 31.476 dB meets 31.48. "
            "Below it, by how much the others fall short of the printed figure."
        )
    ]
    return Table("paper-met", "Cells of Table 1 that are met", columns, body, notes if body else [])


def _met(cells: Sequence[Comparison], metric: Metric) -> Cell:
    if not cells:
        return Cell(NONE, note="not measured", marks=("missing",))
    short = sorted(-c.delta for c in cells if not c.met and c.delta is not None)
    met = len(cells) - len(short)
    text = f"{met} of {len(cells)}"
    if not short:
        return Cell(text, value=met, marks=("reproduced",))
    ends = dict.fromkeys(metric.value(value) for value in (short[0], short[-1]))
    return Cell(text, value=met, marks=("below",), sub=f"short by {' to '.join(ends)}")


@dataclass(frozen=True)
class Gap:
    """One of our networks less the authors' of the same variant, in PSNR and SSIM means."""

    ours: ReportRow
    theirs: ReportRow
    place: Place
    paired: Paired
    ssim: float | None


def authors_table(data: ReportData) -> Table:
    """Our networks less those that the authors released, cell by cell."""
    gaps = _gaps(data)
    places = [
        (scale, dataset)
        for scale in data.scales
        for dataset in data.datasets
        if any(gap.place == (scale, dataset) for gap in gaps)
    ]
    columns = [Column("networks", "Ours less the authors'", "of one architecture", numeric=False)]
    columns += [
        Column(
            f"delta_psnr_db_{dataset}_{scale}x", f"{scale}\u00d7 {dataset}", "dB; below it in SSIM"
        )
        for scale, dataset in places
    ]
    by_pair: dict[str, dict[Place, Gap]] = {}
    for gap in gaps:
        by_pair.setdefault(_pair(gap), {})[gap.place] = gap
    rows = [
        Row([text_cell(name), *(_gap(found.get(place)) for place in places)])
        for name, found in by_pair.items()
    ]
    caption = (
        "Our networks less the authors' released ones: mean difference in PSNR (dB), then SSIM"
    )
    return Table("authors", caption, columns, rows, _largest(gaps))


def _pair(gap: Gap) -> str:
    return f"{gap.ours.title} less {gap.theirs.weights}"


def _gaps(data: ReportData) -> list[Gap]:
    gaps = []
    released = [e for e in data.rows if e.from_authors and e.is_plain]
    for theirs in released:
        for ours in data.rows:
            if ours.variant != theirs.variant or ours.from_authors or not ours.is_plain:
                continue
            for scale in data.scales:
                for dataset in data.datasets:
                    cells = data.cell(ours, scale, dataset), data.cell(theirs, scale, dataset)
                    if gap := _gap_of(*cells):
                        gaps.append(gap)
    return gaps


def _gap_of(ours: Quality | None, theirs: Quality | None) -> Gap | None:
    if ours is None or theirs is None or why_not_paired(ours, theirs, PSNR.key):
        return None
    column = ours.values[PSNR.key][:, None]
    paired = compare_paired(column, theirs.values[PSNR.key])[0]
    a, b = ours.finite_mean(SSIM), theirs.finite_mean(SSIM)
    ssim = None if a is None or b is None else a - b
    place = (ours.scale, ours.dataset)
    return Gap(ours.row, theirs.row, place, paired, ssim)


def _gap(gap: Gap | None) -> Cell:
    if gap is None:
        return Cell(NONE, note="not measured with both, or not on the same images")
    paired = gap.paired
    return Cell(
        f"{PSNR.delta(paired.mean)} {SIGNS[paired.verdict]}".strip(),
        value=paired.mean,
        note=f"{paired.verdict}{': ' + paired.why if paired.why else ''}",
        marks=(MARKS[paired.verdict],),
        sub=SSIM.delta(gap.ssim),
    )


def _largest(gaps: Sequence[Gap]) -> list[str]:
    """The cell that lacks most, by name."""
    below = [gap for gap in gaps if gap.paired.mean < 0]
    count = len(gaps)
    if not gaps:
        return []
    if not below:
        return [f"In none of {plural(count, 'cell')} are ours below the authors'."]
    worst = min(below, key=lambda gap: gap.paired.mean)
    scale, dataset = worst.place
    where = f"{worst.ours.title} on {dataset} at {scale}\u00d7"
    note = f"Ours are below the authors' in {len(below)} of {plural(count, 'cell')}. The largest "
    note += f"gap: {where}, {number(-worst.paired.mean, 3)} dB below {worst.theirs.weights}."
    return [note]
