"""Which network is the fastest, where that is shown."""

import math

from harness.report.data import ReportData
from harness.report.rows import Latency
from harness.report.section import Finding
from harness.report.speed import compare_speed
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
    n_pairs = len(rows) * (len(rows) - 1) // 2
    others = [cell for cell in rows if cell.title != first.title]
    speeds = {cell.title: compare_speed(first, cell) for cell in others}
    beaten = {t for t, speed in speeds.items() if speed.p_faster * n_pairs < FINDING_ALPHA}
    if not beaten:
        return None
    # Slower in every round of too few for so many pairs: neither beaten nor a tie.
    few = {
        title
        for title, speed in speeds.items()
        if title not in beaten
        and speed.verdict == "faster"
        and math.isclose(speed.p_faster, 0.5**speed.rounds)
    }
    leaders = [first.title, *(t for t in speeds if t not in beaten | few)]
    time = f"{number(first.figure('median_ms'), 2)} ms for a forward pass ({place})"
    also, slower = "", f"the other {plural(len(beaten), 'row')}"
    if few:
        slower = f"{len(beaten)} of the other {plural(len(others), 'row')}"
        rounds = min(speeds[title].rounds for title in few)
        also = (
            f" {some(sorted(few))} took more time in every round, but were timed in {rounds} "
            f"rounds only, too few to hold beside {n_pairs} pairs."
        )
    if len(leaders) == 1:
        return Finding(
            50,
            f"{first.title} is the fastest network at {scale}\u00d7.",
            f"{time}, faster than {slower} round by round, corrected for all pairs.{also}",
        )
    return Finding(
        50,
        f"{some(leaders)} are the fastest at {scale}\u00d7 and not told apart.",
        f"{first.title} has the least median, {time}; it is shown faster than {len(beaten)} of "
        f"{plural(len(others), 'other row')}.{also}",
    )
