"""Pictures that are written as their rows come."""

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from harness.upscale.picture import Pixels

ROWS = 64
"""Of a strip."""
_AHEAD_BYTES = 1 << 25
"""Of strips that wait for their encoder."""

Encoded = TypeVar("Encoded")


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


def residual_compressor() -> "zlib._Compress":
    """Zlib for differences between neighbouring samples: of matches it seeks runs alone.

    Those of photographs repeat themselves too rarely for more to pay: files have 97 to 104 % of the
    size that zlib's default gives them, in a tenth of the time.
    """
    return zlib.compressobj(level=1, strategy=zlib.Z_RLE)


def encoded(encode: Callable[[Pixels], Encoded], strips: Iterable[Pixels]) -> Iterator[Encoded]:
    """What an encoder makes of each strip, while the next ones are computed.

    Args:
        encode: called in a thread of its own, with one strip after the other.
        strips: of which as many are taken ahead as ``_AHEAD_BYTES`` hold, one at least.
    """
    waiting: deque[tuple[Future[Encoded], int]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="encoder") as pool:
        try:
            for strip in strips:
                waiting.append((pool.submit(encode, strip), strip.nbytes))
                while waiting and (
                    waiting[0][0].done() or sum(size for _, size in waiting) > _AHEAD_BYTES
                ):
                    yield waiting.popleft()[0].result()
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            # After an error nobody wants the rest.
            pool.shutdown(wait=True, cancel_futures=True)
