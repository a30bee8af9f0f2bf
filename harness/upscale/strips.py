"""Pictures that are written as their rows come."""

from collections.abc import Iterable, Iterator

import numpy as np

from harness.upscale.picture import Pixels

ROWS = 64
"""Of a strip."""


def in_strips(bands: Iterable[Pixels]) -> Iterator[Pixels]:
    """Bands of any heights as strips of ``ROWS`` rows, the last one perhaps lower.

    Args:
        bands: h x W x C, from top to bottom.

    Yields:
        h x W x C, contiguous; copies, so that a band can go before the next one is made.
    """
    rest: list[Pixels] = []
    for band in bands:
        taken = 0
        while taken < len(band):
            missing = ROWS - sum(map(len, rest))
            strip: Pixels = np.concatenate([*rest, band[taken : taken + missing]])
            taken += missing
            if len(strip) == ROWS:
                rest = []
                yield strip
            else:
                rest = [strip]
        del band
    yield from rest
