"""Text from outside made safe to show: names, reasons and paths may hold anything."""

import sys
import unicodedata
from typing import Any

import click

_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"
"""Hidden characters that words of some languages need, and that move nothing."""


def printable(text: object, keep: str = "") -> str:
    r"""Text whose control, bidirectional and other hidden characters are shown as escapes.

    A terminal obeys no such text, and it takes one line: ``"a\x1b[2Jb\n"`` becomes
    ``r"a\x1b[2Jb\n"``. Bytes that are no UTF-8 in names of files show as ``\xe9``.

    Args:
        text: anything; its ``str``.
        keep: characters that stay what they are.
    """
    return "".join(c if c in keep or not _hidden(c) else _escape(c) for c in str(text))


def say(text: object = "", *, err: bool = False) -> None:
    """Print lines in which only line breaks and tabs are obeyed, whatever the terminal encodes.

    Args:
        text: one or more lines; what came from outside should have been through
            :func:`printable`, lest a name begins a line of its own.
        err: on standard error.
    """
    line = printable(text, keep="\n\t")
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
