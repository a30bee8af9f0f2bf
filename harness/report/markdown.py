"""``report.md``: the same tables and findings in words, for GitHub."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from harness.report.content import TITLE, Content
from harness.report.text import clean, for_markdown


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("harness.report"),
        # Markdown has its own escapes, applied to whatever is put in and is no Markdown yet.
        autoescape=False,  # noqa: S701
        finalize=_escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["html"] = _html
    return environment.get_template("report.md.j2")


def _escaped(value: object) -> str:
    return value if isinstance(value, Markup) else for_markdown(value)


def _html(text: object) -> Markup:
    """Text inside a line of HTML, which a blank line would end."""
    return escape(clean(text))


def document(content: Content) -> str:
    """The whole Markdown document."""
    return _template().render(title=TITLE, c=content)
