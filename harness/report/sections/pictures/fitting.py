"""Which crops a page has room for."""

from harness.report.crops import Pictures

ROOM = 3_500_000
"""Bytes of pictures in one page: as text they are a third more."""


def fitting(pictures: Pictures, room: int = ROOM) -> Pictures:
    """Those groups that fit into a page, fairly shared among scales and datasets.

    Args:
        pictures: all of them.
        room: bytes of all pictures together, before they are written as text.
    """
    turns: dict[tuple[int, str], int] = {}
    ranked = []
    for group in pictures.groups:
        turn = turns[group.scale, group.dataset] = turns.get((group.scale, group.dataset), 0) + 1
        ranked.append((turn, group))
    kept: set[int] = set()
    for _, group in sorted(ranked, key=lambda item: item[0]):
        if group.size <= room:
            room -= group.size
            kept.add(id(group))
    left_out = len(pictures.groups) - len(kept)
    problems = list(pictures.problems)
    if left_out:
        problems.append(
            f"{left_out} of {len(pictures.groups)} crops are left out of this page to keep it "
            "small; they lie in the results folder."
        )
    return Pictures([group for group in pictures.groups if id(group) in kept], problems)
