"""Which network is the fastest, where that is shown."""

from harness.report.data import ReportData
from harness.report.rows import Latency
from harness.report.section import Finding
from harness.report.sections.latency.speed import compare_speed
from harness.report.standing import FINDING_ALPHA
from harness.report.text import number, plural, some


def fastest(data: ReportData) -> Finding | None:
    """The fastest network where the most were measured alike, or those that share the lead.

    The first is chosen by the same times that show it to be first: each comparison is corrected for
    every pair that there is (Bonferroni), so that whichever is first by chance is not believed.
    """
    groups: dict[tuple[int, str], list[Latency]] = {}
    for cell in data.latency:
        if cell.figure("median_ms") is not None and cell.row.has_network:
            groups.setdefault((cell.scale, cell.place), []).append(cell)
    if not groups:
        return None
    (scale, place), rows = max(groups.items(), key=lambda item: (len(item[1]), item[0]))
    first = min(rows, key=lambda cell: (cell.figure("median_ms"), cell.title))
    n_pairs = len(rows) * (len(rows) - 1) / 2
    beaten = {c.title for c in rows if compare_speed(first, c).p_faster * n_pairs < FINDING_ALPHA}
    beaten -= {first.title}
    if not beaten:
        return None
    leaders = [first.title, *(c.title for c in rows if c.title not in {first.title, *beaten})]
    time = f"{number(first.figure('median_ms'), 2)} ms for a forward pass ({place})"
    if len(leaders) == 1:
        return Finding(
            50,
            f"{first.title} is the fastest network at {scale}\u00d7.",
            f"{time}, faster than the other {plural(len(beaten), 'row')} round by round, corrected "
            "for all pairs.",
        )
    return Finding(
        50,
        f"{some(leaders)} are the fastest at {scale}\u00d7 and not told apart.",
        f"{first.title} has the least median, {time}; it is shown faster than {len(beaten)} of "
        f"{plural(len(rows) - 1, 'other row')}.",
    )
