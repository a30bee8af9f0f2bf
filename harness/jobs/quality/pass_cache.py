"""Values kept in memory up to a number of bytes."""

from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class PassCache(Generic[V]):
    """Keeps values for passes that ask for the same ones in the same order; one thread's.

    Where those are too many, dropping the least recently used would drop each just before it is
    needed again, so what the present pass has used stays, and further values are not kept.

    Attributes:
        max_bytes: how much is kept at most.
        bytes: how much is kept.
        hits: how often a value was there.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.bytes, self.hits = max_bytes, 0, 0
        self._values: dict[Hashable, tuple[V, int]] = {}
        self._used: set[Hashable] = set()

    def begin_pass(self) -> None:
        """Values of earlier passes may now give way."""
        self._used.clear()

    def get(self, key: Hashable) -> V | None:
        """The value, None if it is not there."""
        self._used.add(key)
        if key not in self._values:
            return None
        self.hits += 1
        return self._values[key][0]

    def keep(self, key: Hashable, value: V, size: int) -> None:
        """Keep a value of that many bytes, if there is room."""
        if size > self.max_bytes:
            return
        for old in [key for key in self._values if key not in self._used]:
            if self.bytes + size <= self.max_bytes:
                break
            self.bytes -= self._values.pop(old)[1]
        if self.bytes + size <= self.max_bytes:
            self._values[key] = value, size
            self.bytes += size

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._used.clear()
        self.bytes = 0
