"""Training curves, with their names at the right end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from harness.report.plots.rightside import label_ends
from harness.report.plots.strips import shortened
from harness.report.plots.style import LABEL_SIZE, SERIES, styled, to_svg
from harness.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 6.6
_HEIGHT = 3.6
_DASHES: tuple[tuple[float, tuple[float, ...] | None], ...] = (
    (0, None),
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 2, 1.5, 2)),
)


@dataclass(frozen=True)
class Line:
    """A named line."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float]


def _look(number: int) -> tuple[str, tuple[float, tuple[float, ...] | None]]:
    """Colour and dashes: no two of the first sixteen lines have both alike."""
    dashes = _DASHES[(number // len(SERIES)) % len(_DASHES)]
    return SERIES[number % len(SERIES)], dashes


def curves_plot(lines: Sequence[Line], *, title: str, x_label: str, y_label: str) -> str:
    """Values over training steps."""
    with styled():
        from matplotlib.ticker import FuncFormatter

        axes = _axes(lines, title, y_label, x_label)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.10g}"))
        ends = []
        for number, line in enumerate(lines):
            colour, dashes = _look(number)
            axes.plot(line.xs, line.ys, color=colour, linewidth=1.5, linestyle=dashes)
            ends.append((line.xs[-1], line.ys[-1], shortened(line.label), colour))
        return _finished(axes, ends, title)


def _axes(lines: Sequence[Line], title: str, y_label: str, x_label: str) -> "Axes":
    from matplotlib.figure import Figure

    longest = max(len(shortened(line.label)) for line in lines)
    right = 0.3 + longest * LABEL_SIZE * 0.6 / 72
    width = _WIDTH + right - 1.5
    # Every name needs its line of text.
    height = max(_HEIGHT, 0.9 + len(lines) * LABEL_SIZE * 1.3 / 72)
    figure = Figure(figsize=(width, height))
    axes = figure.subplots()
    figure.subplots_adjust(
        left=0.66 / width,
        right=1 - right / width,
        top=1 - 0.34 / height,
        bottom=(0.5 if x_label else 0.42) / height,
    )
    axes.set_title(clean(title))
    axes.set_ylabel(y_label)
    axes.set_xlabel(x_label)
    return axes


def _finished(axes: "Axes", ends: Sequence[tuple[float, float, str, str]], title: str) -> str:
    # Labels are placed by the final limits; drawing them must not move these.
    axes.set_xlim(axes.get_xlim())
    axes.set_ylim(axes.get_ylim())
    label_ends(axes, ends)
    return to_svg(cast("Figure", axes.figure), title)
