"""The gap between our networks and those that the paper's authors released."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.metrics.registry import PSNR, SSIM
from harness.report.analysis import why_not_paired
from harness.report.data import ReportData
from harness.report.rows import Place, Quality, ReportRow
from harness.report.table import Cell, Column, Row, Table, psnr_difference_columns, text_cell
from harness.report.text import NONE, any_of, fraction, number
from harness.report.verdicts import MARKS, SIGNS, compare, psnr_figures
from harness.statistics.paired import Paired


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
    columns += psnr_difference_columns(places, "dB; below it in SSIM")
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
    paired = compare(PSNR, column, theirs.values[PSNR.key])[0]
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
        also={**psnr_figures(paired), "delta_ssim_y": gap.ssim},
    )


def _largest(gaps: Sequence[Gap]) -> list[str]:
    """The cell that lacks most, by name."""
    below = [gap for gap in gaps if gap.paired.mean < 0]
    count = len(gaps)
    if not gaps:
        return []
    if not below:
        return [f"Ours are not below the authors' in {any_of(count, 'cell')}."]
    worst = min(below, key=lambda gap: gap.paired.mean)
    scale, dataset = worst.place
    where = f"{worst.ours.title} on {dataset} at {scale}\u00d7"
    note = f"Ours are below the authors' in {fraction(len(below), count, 'cell')}. The largest "
    note += f"gap: {where}, {number(-worst.paired.mean, 3)} dB below {worst.theirs.weights}."
    return [note]
