"""Per-image differences to the baseline: one strip of dots per row, the mean and its interval."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.report.plots.style import (
    BLUE,
    FAINT,
    INK,
    LABEL_SIZE,
    MUTED,
    ORANGE,
    styled,
    to_svg,
)
from harness.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NARROW, EDGE = 3.4, 0.28
"""Inches of a page that is 400 pixels wide, and beside its axis, for half a figure."""
_WIDTH = 9.4
_ROW, _NARROW_ROW = 0.34, 0.46
_TITLE = 36
"""Characters of a title's line on a narrow page."""
_GOLDEN = 0.6180339887498949
_LONGEST = 44


@dataclass(frozen=True)
class Strip:
    """One row: a label, finite differences per image in dB, their mean and interval."""

    label: str
    differences: NDArray[np.float64]
    mean: float
    low: float
    high: float
    verdict: str


def strip_plot(strips: Sequence[Strip], *, title: str, x_label: str, narrow: bool = False) -> str:
    """An SVG with a strip per row, the first at the top.

    Args:
        strips: the rows.
        title: drawn above.
        x_label: with its unit.
        narrow: as wide as a telephone's page; names stand above their strips.
    """
    longest = max(len(shortened(strip.label)) for strip in strips)
    # Widths of labels are not known before a browser draws them; this is on the safe side.
    left = EDGE if narrow else 0.25 + longest * LABEL_SIZE * 0.6 / 72
    width = NARROW if narrow else _WIDTH
    lines = textwrap.wrap(clean(title), _TITLE) if narrow else [clean(title)]
    above = 0.14 + 0.2 * len(lines)
    height = 0.61 + above + (_NARROW_ROW if narrow else _ROW) * len(strips)
    with styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width, height))
        axes = figure.subplots()
        figure.subplots_adjust(
            left=left / width,
            right=1 - EDGE / width if narrow else 0.985,
            top=1 - above / height,
            bottom=0.5 / height,
        )
        axes.set_title("\n".join(lines))
        axes.set_xlabel(x_label)
        axes.set_ylim(len(strips) - 0.4, -0.9 if narrow else -0.6)
        names = name_rows(axes, [strip.label for strip in strips], above=narrow)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
        if narrow:
            axes.locator_params(axis="x", nbins=4)
        # Between rows there must be room for a name.
        _dots(axes, strips, spread=0.46 if narrow else 0.56)
        for row, strip in enumerate(strips):
            shown = verdict_colour(strip.verdict)
            if np.isfinite(strip.low):
                axes.plot(
                    [strip.low, strip.high],
                    [row, row],
                    color=shown,
                    linewidth=3.2,
                    zorder=3,
                    gid=f"interval{row}",
                )
            axes.plot(
                [strip.mean],
                [row],
                marker="D",
                markersize=6,
                color=shown,
                zorder=4,
                gid=f"mean{row}",
            )
            names |= {f"{kind}{row}": strip.label for kind in ("dots", "interval", "mean")}
        return to_svg(figure, title, names=names)


def name_rows(axes: "Axes", labels: Sequence[str], *, above: bool = False) -> dict[str, str]:
    """Names of the rows 0, 1, 2, each a part of the drawing of its own.

    Args:
        axes: of the rows.
        labels: the names.
        above: whether they stand above their rows instead of to the left of the axes.

    Returns:
        The rows' titles by ``gid``, for :func:`harness.report.plots.style.to_svg`.
    """
    axes.set_yticks([])
    for row, label in enumerate(labels):
        axes.annotate(
            shortened(label),
            (0, row - 0.5 if above else row),
            xytext=(0 if above else -5, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="left" if above else "right",
            va="center",
            fontsize=LABEL_SIZE,
            color=INK,
            gid=f"label{row}",
        )
    return {f"label{row}": label for row, label in enumerate(labels)}


def shortened(label: str) -> str:
    """A label that leaves room for the plot."""
    text = clean(label)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\u2026"


def verdict_colour(verdict: str) -> str:
    """Blue for better, orange for worse; ink where nothing is shown."""
    return {"better": BLUE, "worse": ORANGE}.get(verdict, INK)


def _dots(axes: "Axes", strips: Sequence[Strip], *, spread: float) -> None:
    """All images of a row as one path: a dot is a line of no length with round ends."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    for row, strip in enumerate(strips):
        # Evenly spread heights, the same at every rendering.
        heights = row + spread * ((np.arange(len(strip.differences)) * _GOLDEN) % 1 - 0.5)
        vertices = np.repeat(np.column_stack([strip.differences, heights]), 2, axis=0)
        codes = np.tile([Path.MOVETO, Path.LINETO], len(strip.differences))
        dots = PathPatch(
            Path(vertices, codes),
            edgecolor=FAINT,
            facecolor="none",
            linewidth=3.2,
            capstyle="round",
            zorder=2,
            clip_on=False,
            gid=f"dots{row}",
        )
        axes.add_patch(dots)
    xs = np.concatenate([strip.differences for strip in strips])
    span = max(float(xs.max()), 0.0) - min(float(xs.min()), 0.0) or 0.1
    axes.set_xlim(min(float(xs.min()), 0.0) - 0.04 * span, max(float(xs.max()), 0.0) + 0.04 * span)
