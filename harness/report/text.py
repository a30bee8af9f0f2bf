"""Numbers and foreign text as people read them: formatting, and escaping for each format."""

import math
import re

from harness.system.text import (
    MINUS,
    NONE,
    Markdown,
    clean,
    for_markdown,
    number,
    plural,
    si,
    signed,
    size_in_bytes,
    visible,
)

__all__ = [
    "MINUS",
    "NONE",
    "Markdown",
    "clean",
    "for_markdown",
    "number",
    "plural",
    "si",
    "signed",
    "size_in_bytes",
    "visible",
]

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    MINUS: "$-$",
    NONE: "--",
    "\u221e": r"$\infty$",
    "\u00d7": r"$\times$",
}


def p_value(value: float | None) -> str:
    """A p-value with two significant digits; the very small ones as a bound."""
    if value is None or math.isnan(value):
        return NONE
    if value < 0.0001:
        return "< 0.0001"
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


PLACE = ("pair of scale and dataset", "pairs of scale and dataset")
"""The noun of a place, for :func:`plural` and its like."""


def fraction(part: int, whole: int, noun: str, nouns: str | None = None) -> str:
    """``2 of 5 rows``; ``the one row`` where there is no other."""
    if part == whole == 1:
        return f"the one {noun}"
    return f"{part:,} of {plural(whole, noun, nouns)}"


def any_of(count: int, noun: str, nouns: str | None = None) -> str:
    """``any of 5 rows``; ``the one row`` where there is no other."""
    return f"the one {noun}" if count == 1 else f"any of {plural(count, noun, nouns)}"


def opening(text: str, most: int = 120) -> tuple[str, str]:
    """The first sentence, and what follows it; a text of up to ``most`` characters is whole."""
    first, _, rest = text.partition(". ")
    return (text, "") if len(text) <= most or not rest else (f"{first}.", rest)


def joined(parts: list[str], last: str = "and") -> str:
    """``a, b and c``; ``a, with more; b and c`` where a part has a comma of its own."""
    if len(parts) < 2:
        return "".join(parts)
    comma = "; " if any(", " in part for part in parts) else ", "
    return f"{comma.join(parts[:-1])} {last} {parts[-1]}"


def some(items: list[str], most: int = 4) -> str:
    """The first few joined, and how many more there are."""
    shown = items[:most] + ([f"{len(items) - most} more"] if len(items) > most else [])
    return joined(shown)


def for_latex(text: object) -> str:
    """Text that LaTeX prints as it is."""
    plain = "".join(_LATEX.get(c, c) for c in clean(text))
    # Behind the end of a row these would be read as its options.
    return "{" + plain[0] + "}" + plain[1:] if plain[:1] in ("[", "*") else plain


def for_csv(text: object) -> str:
    """Text that a spreadsheet does not run as a formula."""
    plain = clean(text)
    return "'" + plain if plain[:1] in ("=", "+", "@", "-") else plain


def file_stem(text: object) -> str:
    """A name that is safe in a file system and in a link; may be empty of the original."""
    return re.sub(r"[^A-Za-z0-9]+", "-", clean(text)).strip("-").lower()[:40] or "x"
