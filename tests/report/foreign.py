"""Finds what text from outside has made of a page that should only show it."""

import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

TAGS = frozenset(
    re.findall(
        r"\w+",
        """html head meta title link style body a nav ul li button header h1 h2 h3 p main section ol
        strong div form fieldset legend label input span select option table caption thead tr th
        tbody td small output noscript details summary article img figure
        figcaption dl dt dd script br svg g path
        text tspan use defs clippath rect""",
    )
)
MARKDOWN_HTML = re.compile(
    r"<details( open)?>|</details>|<br>|<summary>[^<>]*</summary>|<a id=\"[a-z-]+\">|</a>"
)
BLOCKS = frozenset({"fence", "code_block", "hr"})
BESIDE = re.compile(r"(plots|pictures|tables)(/[\w.-]+)?")
"""Files that lie beside a page; their names are ours."""
HEADINGS = re.compile(r"heading", re.IGNORECASE)


def hidden(text: str) -> list[str]:
    """Control, bidirectional and other hidden characters, line breaks and tabs aside."""
    return sorted(
        {ascii(c) for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs")} - {r"'\n'"}
    )


def foreign_html(text: str) -> list[str]:
    """Tags, attributes and addresses that the templates do not have, and hidden characters."""
    page = _Page()
    page.feed(text)
    page.close()
    return [*page.found, *([f"{page.scripts} scripts"] if page.scripts != 1 else []), *hidden(text)]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        if tag not in TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or not re.fullmatch(r"[a-z:-]+|viewbox|[xy][12]", name):
                self.found.append(f"<{tag} {name}>")
            known = (value or "#").startswith(("#", "data:")) or BESIDE.fullmatch(value or "")
            if name in ("src", "href") and not known:
                self.found.append(f"<{tag} {name}={value!r}>")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data[:40]}-->")

    def handle_pi(self, data: str) -> None:
        self.found.append(f"<?{data[:40]}>")


def foreign_markdown(text: str) -> list[str]:
    """Headings, pictures, links, code and HTML that only names could have brought."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    return [*_foreign_tokens(list(_flat(tokens))), *hidden(text)]


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])


def _foreign_tokens(tokens: list[Token]) -> Iterator[str]:
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type in BLOCKS:
            yield f"{token.type} {token.content[:40]!r}"
        elif token.type == "inline" and before and before.type == "heading_open":
            if HEADINGS.match(token.content):
                yield f"heading {token.content[:40]!r}"
        elif token.type == "image":
            if not BESIDE.fullmatch(str(token.attrs["src"])):
                yield f"image {token.attrs['src']!r}"
        elif token.type == "link_open":
            href = str(token.attrs["href"])
            if not href.startswith("#") and not BESIDE.fullmatch(href) and href != "report.html":
                yield f"link {href!r}"
        elif token.type in ("html_block", "html_inline"):
            rest = MARKDOWN_HTML.sub("", token.content).strip()
            if rest:
                yield f"HTML {rest[:60]!r}"
