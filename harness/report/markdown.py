"""``report.md``: the same tables and findings in words, for GitHub."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from harness.report.content import TITLE, Content
from harness.report.text import for_markdown


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("harness.report"),
        # Markdown has its own escapes, applied by the filter and by the tables.
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = for_markdown
    return environment.get_template("report.md.j2")


def document(content: Content) -> str:
    """The whole Markdown document."""
    return _template().render(title=TITLE, c=content)
