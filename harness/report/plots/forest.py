"""Means with intervals, rows down and scales across; every scale has an axis of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.report.plots.strips import shortened, verdict_colour
from harness.report.plots.style import INK, LABEL_SIZE, MUTED, styled, to_svg
from harness.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL, _ALL_PANELS = 2.9, 6.5
_ROW = 0.24
_GAP = 0.4


@dataclass(frozen=True)
class Mark:
    """A mean, its interval where there is one, and the verdict that colours it."""

    mean: float
    low: float | None = None
    high: float | None = None
    verdict: str = ""


@dataclass(frozen=True)
class Panel:
    """One scale: a heading, and a mark per row or None where it was not measured."""

    heading: str
    marks: Sequence[Mark | None]


def forest_plot(
    rows: Sequence[str], panels: Sequence[Panel], *, title: str, x_label: str, zero: bool
) -> str:
    """An SVG with the panels side by side.

    Args:
        rows: names, the first at the top.
        panels: each with as many marks as there are rows.
        title: drawn above.
        x_label: with its unit.
        zero: whether to draw the line of no difference.
    """
    longest = max(len(shortened(row)) for row in rows)
    left = 0.2 + longest * LABEL_SIZE * 0.6 / 72
    # A single panel has to be as wide as its title.
    each = max(_PANEL, _ALL_PANELS / len(panels))
    width = left + len(panels) * (each + _GAP)
    height = 1.12 + _ROW * len(rows)
    with styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width, height))
        for number, panel in enumerate(panels):
            start = left + number * (each + _GAP)
            axes = figure.add_axes(
                (start / width, 0.5 / height, each / width, _ROW * len(rows) / height)
            )
            axes.set_ylim(len(rows) - 0.4, -0.6)
            names = [shortened(row) for row in rows] if number == 0 else []
            axes.set_yticks(range(len(names)), names, fontsize=LABEL_SIZE)
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.grid(visible=False, axis="y")
            axes.spines["left"].set_visible(False)
            axes.set_title(clean(panel.heading), fontsize=LABEL_SIZE + 0.5, fontweight="normal")
            axes.set_xlabel(x_label)
            axes.locator_params(axis="x", nbins=4)
            if zero:
                axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
            _marks(axes, panel.marks)
        figure.text(
            left / width,
            1 - 0.2 / height,
            clean(title),
            fontsize=LABEL_SIZE + 2,
            fontweight="bold",
            va="center",
        )
        return to_svg(figure, title)


def _marks(axes: "Axes", marks: Sequence[Mark | None]) -> None:
    for row, mark in enumerate(marks):
        if mark is None:
            continue
        colour = verdict_colour(mark.verdict)
        if mark.low is not None and mark.high is not None:
            axes.plot([mark.low, mark.high], [row, row], color=colour, linewidth=2, zorder=2)
        axes.plot([mark.mean], [row], marker="D", markersize=5, color=colour, zorder=3)
