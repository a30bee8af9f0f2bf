"""Quality against what it costs: points with intervals, those that another beats greyed."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.report.plots.labels import Box, nearest, place
from harness.report.plots.style import (
    BLUE,
    FAINT,
    LABEL_SIZE,
    MUTED,
    ORANGE,
    PAPER,
    for_file,
    styled,
    to_svg,
)
from harness.report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 6.2, 4.1
_ARTICLE = (3.4, 3.1)
"""One column of a two-column page, in inches."""
_LOG_FROM = 3.0
_LEAST_SPAN = 0.1
"""Of the quality axis, in dB."""
_LABELLED = 14
"""More points than this, and only the front and the baseline are labelled."""


@dataclass(frozen=True)
class Point:
    """A network: what it costs (``x``) and the quality that it gives (``y``).

    Attributes:
        is_apart: trained otherwise: shown, but neither on the front nor greying others.
        x_low, x_high: how well the cost is known; None where it is exact.
        y_low, y_high: how well the quality is known; None where that is not told.
    """

    label: str
    x: float
    y: float
    is_baseline: bool = False
    is_apart: bool = False
    x_low: float | None = None
    x_high: float | None = None
    y_low: float | None = None
    y_high: float | None = None

    def beats(self, other: "Point") -> bool:
        """Whether it is cheaper or better beyond noise, and in neither behind beyond noise."""
        (cheap, dear), (cheaper, dearer) = self._costs, other._costs
        (worst, best), (worse, better) = self._qualities, other._qualities
        if cheap > dearer or best < worse:
            return False
        return dear < cheaper or worst > better

    @property
    def _costs(self) -> tuple[float, float]:
        return _ends(self.x, self.x_low, self.x_high)

    @property
    def _qualities(self) -> tuple[float, float]:
        low, high = _ends(self.y, self.y_low, self.y_high)
        return _printed(low), _printed(high)


@dataclass(frozen=True)
class Level:
    """A network whose cost is not known: a line at its quality."""

    label: str
    y: float


def front(points: Sequence[Point]) -> set[int]:
    """Indices of points that no other beats, among those that were trained alike."""
    alike = [point for point in points if not point.is_apart]
    return {
        i
        for i, point in enumerate(points)
        if not point.is_apart and not any(other.beats(point) for other in alike)
    }


def _ends(value: float, low: float | None, high: float | None) -> tuple[float, float]:
    return (value if low is None else low), (value if high is None else high)


def _printed(y: float) -> float:
    return round(y, 3)


def pareto_plot(
    points: Sequence[Point],
    *,
    title: str,
    x_label: str,
    y_label: str,
    levels: Sequence[Level] = (),
) -> str:
    """An SVG with one point per network.

    Args:
        points: at least one.
        title: drawn above, and said to people who do not see the picture.
        x_label: with its unit.
        y_label: with its unit.
        levels: drawn across, whatever they cost.
    """
    with styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(_WIDTH, _HEIGHT))
        axes = figure.subplots()
        figure.subplots_adjust(left=0.135, right=0.955, top=0.905, bottom=0.15)
        axes.set_title(clean(title))
        _draw(axes, points, x_label, y_label, levels)
        tips = {
            f"tip{i}": f"{p.label}: {p.y:.3f} {y_label}, {p.x:,.6g} {x_label}"
            for i, p in enumerate(points)
        }
        names = {f"tip{i}": point.label for i, point in enumerate(points)}
        return to_svg(figure, title, tips, names)


def article_plot(
    points: Sequence[Point],
    *,
    title: str,
    x_label: str,
    y_label: str,
    levels: Sequence[Level] = (),
) -> Mapping[str, bytes]:
    """The same for an article: one column wide, without a title, text as text.

    Returns:
        The files by their endings: ``svg``, ``pdf`` (fonts inside) and ``png`` (300 dpi).
    """
    with styled():
        from matplotlib import rcParams
        from matplotlib.figure import Figure

        rcParams["pdf.fonttype"] = 42
        figure = Figure(figsize=_ARTICLE)
        axes = figure.subplots()
        figure.subplots_adjust(left=0.225, right=0.97, top=0.975, bottom=0.15)
        _draw(axes, points, x_label, y_label, levels)
        files = {"svg": for_file(to_svg(figure, title)).encode()}
        nothing: dict[str, dict[str, Any]] = {
            "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
            "png": {"Software": None},
        }
        for ending, metadata in nothing.items():
            file = io.BytesIO()
            figure.savefig(file, format=ending, dpi=300, facecolor="white", metadata=metadata)
            files[ending] = file.getvalue()
        return files


def _draw(
    axes: "Axes",
    points: Sequence[Point],
    x_label: str,
    y_label: str,
    levels: Sequence[Level],
) -> None:
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    best = front(points)
    _limits(axes, points, levels)
    for i, point in enumerate(points):
        colour = ORANGE if point.is_baseline else BLUE if i in best else FAINT
        if point.x_low is not None and point.x_high is not None:
            ends = [point.x_low, point.x_high]
            axes.plot(ends, [point.y] * 2, color=colour, linewidth=1.2, zorder=2)
        if point.y_low is not None and point.y_high is not None:
            ends = [point.y_low, point.y_high]
            axes.plot([point.x] * 2, ends, color=colour, linewidth=1.2, zorder=2)
        axes.plot(
            [point.x],
            [point.y],
            marker="D" if point.is_baseline else "s" if point.is_apart else "o",
            markersize=7 if i in best or point.is_baseline else 5.5,
            color=colour,
            markerfacecolor=PAPER if point.is_apart else colour,
            linestyle="none",
            zorder=3,
            gid=f"tip{i}",
        )
    _levels(axes, levels)
    _labels(axes, points, best)


def _limits(axes: "Axes", points: Sequence[Point], levels: Sequence[Level]) -> None:
    """Room for labels around the points; a logarithmic axis for a wide range."""
    xs = [p.x for p in points]
    ys = [y for p in points for y in (p.y, p.y_low, p.y_high) if y is not None]
    ys += [level.y for level in levels]
    if min(xs) > 0 and max(xs) / min(xs) > _LOG_FROM:
        axes.set_xscale("log")
        ratio = max(xs) / min(xs)
        axes.set_xlim(min(xs) / ratio**0.16, max(xs) * ratio**0.3)
        axes.set_xticks(log_ticks(*axes.get_xlim()))
    else:
        span = (max(xs) - min(xs)) or abs(max(xs)) or 1.0
        axes.set_xlim(min(xs) - 0.16 * span, max(xs) + 0.3 * span)
    from matplotlib.ticker import FuncFormatter, NullLocator

    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.10g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    span = max(ys) - min(ys)
    # A hundredth of a dB must not look like a precipice.
    room = max(0.16 * span, (_LEAST_SPAN - span) / 2)
    axes.set_ylim(min(ys) - room, max(ys) + room)
    axes.locator_params(axis="y", nbins=6)


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between two positive bounds: as many as read well."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            break
    return ticks


def _levels(axes: "Axes", levels: Sequence[Level]) -> None:
    for level in levels:
        axes.axhline(level.y, color=MUTED, linewidth=1, linestyle=":", zorder=1)
        axes.annotate(
            clean(level.label),
            (0, level.y),
            xycoords=("axes fraction", "data"),
            xytext=(3, 2),
            textcoords="offset points",
            fontsize=LABEL_SIZE,
            color=MUTED,
        )


def _labels(axes: "Axes", points: Sequence[Point], best: set[int]) -> None:
    """Labels of the front and the baseline first, of the others where few enough."""
    figure = axes.figure
    to_points = 72.0 / figure.dpi
    order = sorted(
        range(len(points)), key=lambda i: (not points[i].is_baseline, i not in best, -points[i].y)
    )
    if len(points) > _LABELLED:
        order = [i for i in order if i in best or points[i].is_baseline]
    centres, sizes = [], []
    for i in order:
        x, y = axes.transData.transform((points[i].x, points[i].y))
        centres.append((x * to_points, y * to_points))
        # A little more than the text: neighbours must not read as one.
        sizes.append((text_width(clean(points[i].label)) + 5, LABEL_SIZE * 1.15))
    others = [i for i in range(len(points)) if i not in order]
    for i in others:
        x, y = axes.transData.transform((points[i].x, points[i].y))
        centres.append((x * to_points, y * to_points))
    window = axes.get_window_extent()
    edges = [value * to_points for value in (window.x0, window.y0, window.x1, window.y1)]
    frame = Box(edges[0] + 1, edges[1] + 1, edges[2] + 8, edges[3])
    lines = []
    for point in points:
        ends = zip(
            _ends(point.x, None, None), _ends(point.y, point.y_low, point.y_high), strict=True
        )
        (x, low), (_, high) = (axes.transData.transform(end) * to_points for end in ends)
        lines.append(Box(x - 1, low, x + 1, high))
    placed = place(centres[: len(order)], sizes, frame, others=centres[len(order) :], avoid=lines)
    for i, where, centre in zip(order, placed, centres, strict=False):
        if where is None:
            continue
        strong = points[i].is_baseline
        _draw_label(axes, clean(points[i].label), where.box, centre, strong=strong, far=where.far)


def _draw_label(
    axes: "Axes", text: str, box: Box, centre: tuple[float, float], *, strong: bool, far: bool
) -> None:
    scale = axes.figure.dpi / 72.0
    to_data = axes.transData.inverted().transform
    if far:
        end = nearest(box, *centre)
        line = to_data([(x * scale, y * scale) for x, y in (centre, end)])
        axes.plot(line[:, 0], line[:, 1], color=FAINT, linewidth=0.6, zorder=1)
    # Anchored on the side of the point: fonts differ in width, and the gap must not.
    leftwards = box.left + box.right < 2 * centre[0]
    edge = box.right if leftwards else box.left
    x, y = to_data((edge * scale, (box.bottom + 0.22 * LABEL_SIZE) * scale))
    axes.text(
        x,
        y,
        text,
        fontsize=LABEL_SIZE,
        color=MUTED if not strong else None,
        fontweight="bold" if strong else "normal",
        ha="right" if leftwards else "left",
        va="baseline",
        clip_on=False,
    )


def text_width(text: str) -> float:
    """Width of a label in points, of the widest fonts that a page may fall back on."""
    return LABEL_SIZE * sum(
        1.05
        if ord(c) > 0x2E80
        else 0.42
        if c in " .,:;'|!ijlItfr()[]-"
        else 0.82
        if c.isupper() or c in "mw"
        else 0.68
        for c in text
    )
