"""How plots look, and how a matplotlib figure becomes an SVG for a page or for a file.

Colours are set as the light theme's; in a page each becomes a CSS variable, so that one drawing
serves light, dark and print. They are told apart by lightness too, and never alone: shape, place
or a label says the same.
"""

import html
import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.report.text import clean, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1d1f24"
MUTED = "#6a6e78"
FAINT = "#9ea2ab"
GRID = "#e1e3e8"
BLUE = "#0a5ca8"
ORANGE = "#b34f00"
GREEN = "#0b7350"
PURPLE = "#8b3a8f"
PAPER = "#ffffff"

_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    FAINT: "--faint",
    GRID: "--grid",
    BLUE: "--blue",
    ORANGE: "--orange",
    GREEN: "--green",
    PURPLE: "--purple",
    PAPER: "--surface",
}
SERIES = (BLUE, ORANGE, GREEN, PURPLE)

ZOOM = 1.34
"""Pixels of a page for a point of a drawing, so that no text is smaller than 12 pixels."""
FONT_SIZE = 9.5
LABEL_SIZE = 9.0
SIGNATURE = (
    '<svg data-plot="harness" xmlns="http://www.w3.org/2000/svg" '
    'xmlns:xlink="http://www.w3.org/1999/xlink" '
)
"""How each of these files begins."""
_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib with this report's settings, whatever the user's are."""
    import matplotlib as mpl

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "report",
        # Foreign text is text: a dollar sign starts no formula.
        "text.parse_math": False,
        "font.family": ["DejaVu Sans"],
        "font.size": FONT_SIZE,
        "axes.titlesize": FONT_SIZE + 1,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "axes.formatter.use_mathtext": False,
        "axes.formatter.useoffset": False,
        "grid.color": GRID,
        "grid.linewidth": 0.7,
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": MUTED,
        "ytick.labelcolor": MUTED,
        "lines.linewidth": 1.4,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "legend.frameon": False,
        "path.simplify": False,
    }
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(settings)
        # A reader's browser has glyphs that the font for measuring lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


def to_svg(
    figure: "Figure",
    title: str,
    tips: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> str:
    """The figure as SVG text without dates, prologue or global styles.

    Args:
        figure: drawn inside :func:`styled`.
        title: what the picture shows, for people who do not see it.
        tips: what a pointer on an artist tells, by the artist's ``gid``.
        names: of the rows that artists belong to, by ``gid``, so that a page can dim the others.
    """
    from matplotlib.text import Text

    for artist in figure.findobj(Text):
        artist.set_text(visible(artist.get_text()))
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Would restyle the whole page that the picture is put into.
    text = re.sub(r"<style type=\"text/css\">.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", rf"font: \1px {_FONT}", text)
    # A halo keeps text readable where it crosses a line.
    text = text.replace(
        "<text ", f'<text stroke="{PAPER}" stroke-width="2.4" paint-order="stroke" '
    )
    for gid in dict.fromkeys([*(tips or {}), *(names or {})]):
        tip, name = (tips or {}).get(gid), (names or {}).get(gid)
        said = "" if tip is None else f"<title>{html.escape(clean(tip))}</title>"
        whose = "" if name is None else f' data-name="{html.escape(clean(name), quote=True)}"'
        text = text.replace(f'<g id="{gid}">', f"<g{whose}>{said}", 1)
    used = set(re.findall(r"(?:url\(#|href=\"#)([\w-]+)", text))
    text = re.sub(r' id="([\w-]+)"', lambda m: m[0] if m[1] in used else "", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"\n\s*", "\n", text)
    label = html.escape(clean(title), quote=True)
    width, height = (round(72 * inches) for inches in figure.get_size_inches())
    opening = (
        f'{SIGNATURE}viewBox="0 0 {width} {height}" width="{ZOOM * width:.0f}" '
        f'height="{ZOOM * height:.0f}" role="img" '
        f'aria-label="{label}" stroke-linejoin="round">'
    )
    return re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1).strip() + "\n"


def for_page(svg: str, prefix: str) -> str:
    """The SVG inside an HTML page: colours follow the theme, ids are the page's own."""
    text = re.sub(r"#[0-9a-f]{6}\b", _variable, svg)
    text = re.sub(r'( id="|url\(#|href="#)([\w-]+)', rf"\g<1>{prefix}-\2", text)
    # Inside HTML neither namespace needs to be said, and plain href is understood.
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text, count=2)
    return text.replace("xlink:href", "href")


def for_file(svg: str) -> str:
    """The SVG as a file of its own, on white, for pages of any theme."""
    return re.sub(
        r"(<svg[^>]*>)", rf'\1\n<rect width="100%" height="100%" fill="{PAPER}"/>', svg, count=1
    )


def _variable(match: re.Match[str]) -> str:
    colour = match[0]
    return f"var({_VARIABLES[colour]})" if colour in _VARIABLES else colour
