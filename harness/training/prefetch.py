"""The next step's patches are cut while an accelerator computes this one's."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from harness.training.patches import PatchBatch

Draw = Callable[[int], list[PatchBatch]]


class Prefetcher:
    """Calls ``draw`` one step ahead in a thread.

    A step's patches depend on its number alone, so looking ahead changes nothing. On a CPU the
    thread would take its time from the very cores that train; there it draws when asked.

    Args:
        draw: a step's number to its batches.
        last: the number of the last step.
        ahead: whether to look ahead.
    """

    def __init__(self, draw: Draw, last: int, *, ahead: bool) -> None:
        self._draw, self._last = draw, last
        self._pool = ThreadPoolExecutor(max_workers=1) if ahead else None
        self._next: tuple[int, Future[list[PatchBatch]]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def __call__(self, step: int) -> list[PatchBatch]:
        """The batches of a step."""
        if self._pool is None:
            return self._draw(step)
        ready = self._next[1] if self._next and self._next[0] == step else None
        batches = ready.result() if ready else self._draw(step)
        if step < self._last:
            self._next = (step + 1, self._pool.submit(self._draw, step + 1))
        return batches
