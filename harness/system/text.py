"""Text from outside made safe to show (names, reasons and paths may hold anything), and numbers."""

import math
import re
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

import click

_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_LEFT_OUT = ("Cc", "Cf", "Cs", "Cn", "Co")
_JOINERS = "\u200c\u200d"
"""Hidden characters that words of some languages need, and that move nothing."""

_SIZE = re.compile(r"([1-9]\d{0,8})x([1-9]\d{0,8})", re.ASCII)

MINUS = "\u2212"
NONE = "\u2013"
"""Shown where there is no figure and the reason stands elsewhere."""


def printable(text: object, keep: str = "") -> str:
    r"""Text whose control, bidirectional and other hidden characters are shown as escapes.

    No escape sequence reaches the terminal, and the text takes one line: ``"a\x1b[2Jb\n"`` becomes
    ``r"a\x1b[2Jb\n"``. Bytes that are no UTF-8 in names of files show as ``\xe9``.

    Args:
        text: anything; its ``str``.
        keep: characters that stay what they are.
    """
    return "".join(c if c in keep or not _hidden(c) else _escape(c) for c in str(text))


def visible(text: object) -> str:
    """Text without control, bidirectional, unassigned and private characters, for documents.

    White space stays, line breaks as they are and the rest of it as spaces where a control
    character makes it.
    """
    return "".join(map(_shown, str(text)))


def as_unicode(text: str) -> str:
    r"""Text that can be written as UTF-8: of a file name in another encoding, bytes as ``\xe9``.

    Two names that differ stay different, which question marks would not tell apart.
    """
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def clean(text: object) -> str:
    """:func:`visible` text on one line, with single spaces."""
    return " ".join(visible(text).split())


class Markdown(str):
    """Text that is Markdown already, and not to be escaped again."""

    __slots__ = ()


def for_markdown(text: object) -> Markdown:
    """Text that GitHub's Markdown shows as it is, inside a table or outside; one line."""
    if isinstance(text, Markdown):
        return text
    plain = clean(text)
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = re.sub(r"([\\`*_\[\]#!~$])", r"\\\1", plain)
    # An escaped bar still splits cells in some renderers; an address or a name becomes a link.
    for character, reference in (("|", "&#124;"), ("://", ":&#47;&#47;"), ("@", "&#64;")):
        plain = plain.replace(character, reference)
    plain = re.sub(r"(?i)\bwww\.", "www&#46;", plain)
    return Markdown(re.sub(r"^([-+=]+|\d+[.)])(?=\s|$)", r"&#8203;\1", plain))


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """``1 image``, ``5 images``."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def by_numbers(text: str) -> list[tuple[int, str]]:
    """A key that sorts ``batch 8`` before ``batch 32``."""
    # Digits are those that have a value: not the superscript of `1\u00b2.png`.
    parts = re.split(r"(\d+)", text)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def number(value: float | None, digits: int) -> str:
    """A figure with fixed digits; NaN and infinities in words that cannot be overlooked."""
    if value is None:
        return NONE
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "\u221e" if value > 0 else MINUS + "\u221e"
    return with_minus(f"{value:,.{digits}f}")


def signed(value: float | None, digits: int) -> str:
    """A difference: always with its sign, and without one where it rounds to zero."""
    if value is None or not math.isfinite(value):
        return number(value, digits)
    text = f"{value:+,.{digits}f}"
    return text[1:] if float(text.replace(",", "")) == 0 else with_minus(text)


def si(value: float | None, digits: int = 2) -> str:
    """A count with a metric prefix: ``117.49 G``."""
    if value is None or not math.isfinite(value):
        return number(value, digits)
    for prefix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return with_minus(f"{value / size:.{digits}f} {prefix}")
    return number(value, 0 if value == int(value) else digits)


def size_in_bytes(value: float | None) -> str:
    """A size in binary units: ``871.4 KiB``."""
    if value is None or not math.isfinite(value):
        return number(value, 1)
    for prefix, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(value) >= size:
            return f"{value / size:.1f} {prefix}"
    return f"{value:.0f} B"


def with_minus(text: str) -> str:
    """A number with the sign of minus in place of the hyphen."""
    return text.replace("-", MINUS)


def markdown_table(cells: Sequence[Sequence[str]], left: int) -> str:
    """A table in Markdown whose columns are as wide as what is in them, to be read as it is.

    Args:
        cells: rows, the headings first.
        left: how many columns are set to the left; the others to the right.
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        texts = [
            text.ljust(width) if column < left else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "| " + " | ".join(texts) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(cells[0]), rule, *(line(row) for row in cells[1:])])


def say(text: object = "", *, err: bool = False, lines: bool = False) -> None:
    """Print one line with control characters escaped, in any encoding of the terminal.

    Args:
        text: what came from outside may stand in it as it is.
        err: on standard error.
        lines: the text has several lines, and what came from outside has none of its own.
    """
    line = printable(text, keep="\n" if lines else "")
    stream: Any = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding), err=err)


def _hidden(character: str) -> bool:
    return not character.isprintable() and (
        unicodedata.category(character) in _HIDDEN and character not in _JOINERS
    )


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def _shown(character: str) -> str:
    if character == "\n" or character.isprintable():
        return character
    if character.isspace():
        return " " if unicodedata.category(character) in _HIDDEN else character
    return "" if unicodedata.category(character) in _LEFT_OUT else character


def size_in_pixels(text: str) -> tuple[int, int] | None:
    """Width and height of a text such as 320x180; None if it is no size, or beyond nine digits."""
    match = _SIZE.fullmatch(text)
    return None if match is None else (int(match[1]), int(match[2]))
