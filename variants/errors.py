"""Errors that people see; each message says what was wrong, where, and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST_NAME = 100
"""Characters of an unknown name that a message repeats."""

MOST_NAMES = 12
"""Known names that it lists."""


class VariantError(ValueError):
    """A variant, an upsampler or an option of theirs cannot be built as asked."""


class WeightsError(VariantError):
    """A weights file is missing, damaged, untrusted, or does not fit its network."""


class UnknownNameError(VariantError):
    """A name that no registry knows, with the closest known ones.

    Args:
        kind: what was looked up, e.g. ``"variant"``.
        name: the unknown name.
        known: all names that would have been accepted.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names, name = (
            sorted(known),
            name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}...",
        )
        close = get_close_matches(name, names, n=3, cutoff=0.5)
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        listed = ", ".join(names[:MOST_NAMES]) or "none"
        hint = f"Did you mean {' or '.join(close)}?" if close else f"Known: {listed}{more}."
        super().__init__(f"unknown {kind} {name!r}. {hint}")
        self.kind, self.name, self.close = kind, name, close


def in_words(error: BaseException) -> str:
    """An error's type and its first line."""
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}".removesuffix(": ")
