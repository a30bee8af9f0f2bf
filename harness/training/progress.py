"""What people see while it trains: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from multiprocessing import parent_process
from typing import Self

from tqdm import tqdm

PLAIN_EVERY_S = 30.0


class Progress:
    """Progress of a training run.

    Args:
        title: what is trained.
        total, done: steps.
        shown: False prints nothing.
    """

    def __init__(self, title: str, total: int, done: int, shown: bool) -> None:
        self._title, self._total, self._step = title, total, done
        self._start, self._start_step, self._last_line = time.monotonic(), done, 0.0
        # A bar belongs to the process at the terminal: those of several would overwrite each other.
        self._plain = shown and (parent_process() is not None or not sys.stderr.isatty())
        self._bar = tqdm(
            desc=title, total=total, initial=done, unit="step", disable=not shown or self._plain
        )

    def advance(self) -> None:
        """One more step is done."""
        self._step += 1
        self._bar.update()

    def report(self, loss: float, images_per_s: float, validation: dict[int, float]) -> None:
        """Show the latest figures."""
        scores = " ".join(f"{scale}x {value:.2f} dB" for scale, value in validation.items())
        figures = f"loss {loss:.5f}, {images_per_s:.0f} patches/s"
        self._bar.set_postfix_str(f"{figures} {scores}".strip())
        now = time.monotonic()
        if self._plain and (now - self._last_line > PLAIN_EVERY_S or self._step == self._total):
            self._last_line = now
            rate = (now - self._start) / max(1, self._step - self._start_step)
            left = (self._total - self._step) * rate
            done = f"step {self._step}/{self._total}, {left / 60:.1f} min left"
            sys.stderr.write(f"{self._title}: {done}, {figures} {scores}".rstrip() + "\n")
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
