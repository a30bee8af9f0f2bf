"""Alpha bleeding: colours of visible pixels spread into transparent ones."""

import numpy as np
from scipy import ndimage

from harness.upscale.picture import Pixels

_ROWS = 256
"""Replaced at a time, for the sake of memory."""


NEARLY_CLEAR = 3 / 255
"""Alpha up to which nobody sees a pixel's own colour, whatever lies behind it."""


def bled(pixels: Pixels) -> Pixels:
    """Give every transparent pixel the colour of the visible pixel nearest to it.

    Transparent is what has an alpha of at most ``NEARLY_CLEAR``; if that is all of a picture, what
    has none.

    What lies under transparency is often black or leftovers, and neighbours that are upscaled read
    it: the edge of a white disc on clear would turn dark. Premultiplied colours would be exact for
    a linear method alone; to a network they are another picture, with the shape of alpha in its
    luma. So the colours are spread before the upscaling, in the whole picture at once, lest tiles
    show, and alpha is left as it is. Visible pixels keep their colours. Those that are nearly clear
    do not: what programs leave there is as arbitrary as under clear ones, and would be read, too.

    Args:
        pixels: H x W x C, uint8 or uint16; with C = 2 or 4 the last channel is alpha (straight).

    Returns:
        The same array where nothing is transparent, or nothing visible; else a copy.
    """
    if pixels.shape[2] not in (2, 4):
        return pixels
    alpha = pixels[..., -1]
    clear = alpha <= NEARLY_CLEAR * (255 if pixels.dtype == np.uint8 else 65535)
    if clear.all():
        clear = alpha == 0
    if not clear.any() or clear.all():
        return pixels
    nearest = ndimage.distance_transform_edt(clear, return_distances=False, return_indices=True)
    result = pixels.copy()
    for top in range(0, len(pixels), _ROWS):
        rows = slice(top, top + _ROWS)
        here = clear[rows]
        row, column = nearest[:, rows][:, here]
        result[rows][here, :-1] = pixels[row, column, :-1]
    return result
