"""Which row of the first run is compared with which of the second."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from harness.comparison.changes import Key
from harness.errors import ConfigError
from variants.errors import UnknownNameError

Cell = TypeVar("Cell")


class Pairing:
    """Pairs rows of equal names or, where names are given, those rows and no others.

    Args:
        names: a row of the first run to a row of the second: each a variant, or
            ``VARIANT@WEIGHTS``.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._known: tuple[set[str], set[str]] = (set(), set())

    def __call__(
        self, before: dict[Key, Cell], after: dict[Key, Cell]
    ) -> tuple[dict[Key, Cell], dict[Key, Cell]]:
        """The cells of either run under keys that are equal where they are to be compared."""
        if not self._names:
            return before, after
        for known, keys in zip(self._known, (before, after), strict=True):
            known |= {name for key in keys for name in _names(key)}
        paired_before: dict[Key, Cell] = {}
        paired_after: dict[Key, Cell] = {}
        for old_name, new_name in self._names.items():
            olds = [key for key in before if old_name in _names(key)]
            news = [key for key in after if new_name in _names(key)]
            for old in olds:
                new = _partner(old, olds, news)
                shared = _joined(old, new or replace(old, variant=news[0].variant if news else ""))
                paired_before[shared] = before[old]
                if new is not None:
                    news.remove(new)
                    paired_after[shared] = after[new]
            for new in news:
                paired_after[replace(new, old_variant=old_name)] = after[new]
        return paired_before, paired_after

    def check(self) -> None:
        """After the last cells.

        Raises:
            ConfigError: a run has no row of a name.
        """
        for which, known, names in (
            ("first", self._known[0], self._names),
            ("second", self._known[1], self._names.values()),
        ):
            for name in names:
                if name not in known:
                    error = UnknownNameError(f"row of the {which} run:", name, known)
                    raise ConfigError(str(error))


def _names(key: Key) -> tuple[str, ...]:
    """What a user may call a row; costs are of no weights."""
    return (key.variant, *(f"{key.variant}@{weights}" for weights in key.way[:1]))


def _partner(old: Key, olds: list[Key], news: list[Key]) -> Key | None:
    """The new row at the same place: of the same way or, where there is but one, that one."""

    def here(keys: list[Key]) -> list[Key]:
        return [key for key in keys if (key.scale, key.place) == (old.scale, old.place)]

    same = [key for key in here(news) if key.way == old.way]
    alone = here(news) if len(here(olds)) == 1 == len(here(news)) else []
    return next(iter(same or alone), None)


def _joined(old: Key, new: Key) -> Key:
    name = new.name if new.name == old.name else f"{new.name} against {old.name}"
    return replace(new, name=name, old_variant=old.variant)
