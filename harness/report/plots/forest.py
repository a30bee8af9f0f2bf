"""Means with intervals, rows down and scales across; every scale has an axis of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.report.plots.strips import EDGE, NARROW, name_rows, shortened, verdict_colour
from harness.report.plots.style import GRID, INK, LABEL_SIZE, MUTED, styled, to_svg
from harness.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL, _ALL_PANELS = 2.9, 6.5
_ROW = 0.24
_GAP = 0.4
_THIN = 0.205
_SINGLE = 4.7


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
    names: dict[str, str] = {}
    with styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width, height))
        for number, panel in enumerate(panels):
            start = left + number * (each + _GAP)
            axes = figure.add_axes(
                (start / width, 0.5 / height, each / width, _ROW * len(rows) / height)
            )
            axes.set_ylim(len(rows) - 0.4, -0.6)
            names |= name_rows(axes, rows if number == 0 else [])
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.grid(visible=False, axis="y")
            axes.spines["left"].set_visible(False)
            axes.set_title(clean(panel.heading), fontsize=LABEL_SIZE + 0.5, fontweight="normal")
            axes.set_xlabel(x_label)
            axes.locator_params(axis="x", nbins=4)
            if zero:
                axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
            names |= _marks(axes, panel.marks, rows, number)
        figure.text(
            left / width,
            1 - 0.2 / height,
            clean(title),
            fontsize=LABEL_SIZE + 2,
            fontweight="bold",
            va="center",
        )
        return to_svg(figure, title, names=names)


@dataclass(frozen=True)
class Rows:
    """Rows under one heading.

    Attributes:
        rows: names, and each its mark.
        band: half the width of what chance alone explains around 0, None where it is not known.
    """

    heading: str
    rows: Sequence[tuple[str, Mark]]
    band: float | None = None


def grouped_forest(
    groups: Sequence[Rows], *, title: str, x_label: str, narrow: bool = False
) -> str:
    """Rows of all groups below each other on one axis, with the line of no difference.

    Args:
        groups: each with its heading, the first at the top.
        title: what it shows, for people who do not see it.
        x_label: with its unit.
        narrow: as wide as a telephone's page; names stand above their marks.
    """
    labels: list[str] = []
    places: list[tuple[float, str, Mark]] = []
    heads: list[tuple[float, Rows]] = []
    step = 2.0 if narrow else 1.0
    y = 0.0
    for group in groups:
        heads.append((y, group))
        for name, mark in group.rows:
            y += step
            labels.append(name)
            places.append((y, name, mark))
        y += 1.25
    longest = max(len(shortened(label)) for label in labels)
    left = EDGE if narrow else 0.2 + longest * LABEL_SIZE * 0.6 / 72
    across = NARROW - 2 * EDGE if narrow else 4.5
    width = NARROW if narrow else left + _SINGLE
    height = 0.62 + _THIN * y
    names: dict[str, str] = {}
    with styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((left / width, 0.52 / height, across / width, _THIN * y / height))
        axes.set_ylim(y - 0.5, -0.6)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(x_label)
        axes.locator_params(axis="x", nbins=4 if narrow else 6)
        axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
        beside: dict[str, Any] = {
            "xytext": (0, 0) if narrow else (-5, 0),
            "xycoords": ("axes fraction", "data"),
            "textcoords": "offset points",
            "ha": "left" if narrow else "right",
            "va": "center",
        }
        for at, group in heads:
            axes.annotate(
                clean(group.heading),
                (0, at),
                fontsize=LABEL_SIZE + 0.5,
                fontweight="bold",
                **beside,
            )
            if group.band is not None:
                axes.fill_betweenx(
                    [at + 0.5, at + step * len(group.rows) + 0.5],
                    -group.band,
                    group.band,
                    color=GRID,
                    linewidth=0,
                    zorder=0,
                )
        for number, (at, name, mark) in enumerate(places):
            axes.annotate(
                shortened(name),
                (0, at - 0.95 if narrow else at),
                fontsize=LABEL_SIZE,
                gid=f"label{number}",
                **beside,
            )
            _mark(axes, at, mark, f"{number}")
            names |= {f"{kind}{number}": name for kind in ("label", "interval", "mean")}
        return to_svg(figure, title, names=names)


def _marks(
    axes: "Axes", marks: Sequence[Mark | None], rows: Sequence[str], panel: int
) -> dict[str, str]:
    """Draws the marks and names what belongs to a row."""
    names: dict[str, str] = {}
    for row, mark in enumerate(marks):
        if mark is None:
            continue
        _mark(axes, row, mark, f"{panel}-{row}")
        names |= {f"{kind}{panel}-{row}": rows[row] for kind in ("interval", "mean")}
    return names


def _mark(axes: "Axes", row: float, mark: Mark, gid: str) -> None:
    colour = verdict_colour(mark.verdict)
    if mark.low is not None and mark.high is not None:
        ends = [mark.low, mark.high]
        axes.plot(ends, [row, row], color=colour, linewidth=2, zorder=2, gid=f"interval{gid}")
    axes.plot(
        [mark.mean], [row], marker="D", markersize=5, color=colour, zorder=3, gid=f"mean{gid}"
    )
