"""``report.html``: one self-contained page, every text from outside escaped."""

import base64
import json
import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from harness.report.blocks import Dot, Points, shown
from harness.report.crops import Picture
from harness.report.document import Document
from harness.report.plots.style import for_page
from harness.report.text import clean, file_stem, opening, visible


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        finalize=_without_hidden,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = _inline
    environment.filters["data_uri"] = _data_uri
    environment.filters["shown"] = shown
    environment.filters["dots"] = _dots
    environment.filters["points"] = _points
    environment.filters["slug"] = file_stem
    environment.filters["text_uri"] = _text_uri
    environment.filters["opening"] = opening
    environment.filters["kind"] = lambda block: type(block).__name__
    return environment.get_template("report.html.j2")


def _without_hidden(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value)


def _inline(svg: str, name: str) -> Markup:
    """A plot's SVG: made by us, with foreign text already escaped in it."""
    return Markup(for_page(svg, name))  # noqa: S704


def _data_uri(picture: Picture) -> str:
    return f"data:image/{picture.kind};base64,{base64.b64encode(picture.content).decode()}"


def _dots(dots: Sequence[Dot]) -> str:
    """As JSON for the page's script, figures with six digits."""
    rows = [
        {
            "title": visible(dot.title),
            "scale": str(dot.scale),
            "dataset": dot.dataset,
            "base": dot.is_baseline,
            "apart": dot.is_apart,
            "figures": {
                key: [float(f"{value:.6g}") for value in figure]
                for key, figure in dot.figures.items()
                if all(map(math.isfinite, figure))
            },
        }
        for dot in dots
    ]
    return json.dumps(rows, separators=(",", ":"))


def _points(points: Points) -> str:
    """As JSON for the page's script, figures as they are printed."""
    rows = {
        visible(title): [round(value, points.digits) for value in values]
        for title, values in points.rows.items()
    }
    names = [visible(clean(name)) for name in points.names]
    content = {"names": names, "rows": rows, "digits": points.digits}
    return json.dumps(content, separators=(",", ":"))


def _text_uri(text: str) -> str:
    """A file inside the page: a page that is sent alone keeps its tables."""
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


def asset(name: str) -> Markup:
    """A file of ours to put into the page."""
    text = files("harness.report").joinpath("assets", name).read_text("utf-8")
    return Markup(text)  # noqa: S704


def page(document: Document) -> str:
    """The whole HTML page."""
    return _template().render(
        document=document,
        csv={table.name: table.csv() for table in document.tables},
        css=asset("report.css"),
        script=asset("report.js"),
    )
