"""Labels at the right end of lines, pushed apart where they would cover each other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.report.plots.style import FAINT, LABEL_SIZE
from harness.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE = LABEL_SIZE * 1.3


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions in the order of the wanted ones, ``gap`` apart, as near to them as that allows.

    Between ``low`` and ``high`` where there is room for all; below ``low`` where there is not.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    # Blocks of labels that touch, each centred on the mean of what its members want.
    blocks: list[tuple[float, list[int]]] = []
    for i in order:
        centre, members = wanted[i], [i]
        while blocks:
            before, others = blocks[-1]
            if before + (len(others) + len(members)) * gap / 2 <= centre:
                break
            blocks.pop()
            members = others + members
            centre = sum(wanted[j] for j in members) / len(members)
        blocks.append((centre, members))
    placed = [0.0] * len(wanted)
    for centre, members in blocks:
        start = centre - (len(members) - 1) * gap / 2
        for number, i in enumerate(members):
            placed[i] = start + number * gap
    for i in order:
        placed[i] = max(placed[i], low)
        low = placed[i] + gap
    for i in reversed(order):
        placed[i] = min(placed[i], high)
        high = placed[i] - gap
    return placed


def label_ends(axes: "Axes", ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Label the ends of lines beyond the axes' right edge.

    Args:
        axes: with its final limits.
        ends: x and y in data units, the label, its colour.
    """
    if not ends:
        return
    scale = axes.figure.dpi / 72.0
    window = axes.get_window_extent()
    points = [axes.transData.transform((x, y)) / scale for x, y, _, _ in ends]
    low, high = window.y0 / scale + _LINE / 2, window.y1 / scale - _LINE / 2
    places = spread([float(y) for _, y in points], _LINE, low, high)
    left = float(window.x1) / scale + 10
    to_data = axes.transData.inverted().transform
    for (x, y), place, (_, _, label, colour) in zip(points, places, ends, strict=True):
        corner = [(x * scale, y * scale), ((left - 2) * scale, place * scale)]
        line = to_data(corner)
        axes.plot(line[:, 0], line[:, 1], color=FAINT, linewidth=0.6, clip_on=False, zorder=1)
        at = to_data((left * scale, place * scale))
        axes.text(
            at[0],
            at[1],
            clean(label),
            color=colour,
            fontsize=LABEL_SIZE,
            va="center_baseline",
            ha="left",
            clip_on=False,
        )
