"""Upscaling arrays of any size tile by tile: the network on luma, bicubic on the rest."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.images.colour import rgb_to_ycbcr, ycbcr_to_8_bit, ycbcr_to_rgb
from harness.images.imresize import imresize
from harness.images.limits import Pixels
from harness.metrics.sample import check_finite
from harness.upscale.bleed import bled
from harness.upscale.luma import BICUBIC_RADIUS, Luma
from harness.upscale.tiles import Tile, largest_tile, plan_tiles

Float64Array = NDArray[np.float64]

_FULL = {"uint8": 255, "uint16": 65535}
"""White by dtype; of others it is 1."""


class Upscaler:
    """Upscales images in tiles, so that memory does not grow with the image.

    Args:
        luma: upscales Y (of a greyscale image: the grey levels); everything else is bicubic.
        tile: LR pixels on a side of a tile without its margin; None chooses.

    Attributes:
        margin: LR pixels around a tile, so that the result is the one of the whole image; None if
            the network needs the whole image at once.
    """

    def __init__(self, luma: Luma, tile: int | None = None) -> None:
        self.luma, self.scale, self.tile = luma, luma.scale, tile
        self.margin = None if luma.radius is None else max(luma.radius, BICUBIC_RADIUS)

    def plan(self, height: int, width: int) -> list[Tile]:
        """The tiles of an image of that size, row by row."""
        if self.margin is None:
            return plan_tiles(height, width, max(height, width), 0)
        hr_margin = self.luma.hr_margin
        size = self.tile or largest_tile(self.luma.largest_hr, hr_margin, self.scale)
        whole = hr_margin >= self.scale * self.margin
        return plan_tiles(height, width, size, self.margin, whole=whole)

    def bands(
        self, pixels: Pixels, on_tile: Callable[[], object] = lambda: None
    ) -> Iterator[Pixels]:
        """Upscale an image from top to bottom, as many rows at a time as a tile has.

        Args:
            pixels: see :meth:`upscale`.
            on_tile: called after each tile.

        Yields:
            h x sW x C, in the dtype of ``pixels``; the h add up to sH.
        """
        width, channels = pixels.shape[1:]
        for _, row in groupby(self.upscale(pixels), lambda item: item[0].top):
            band: Pixels | None = None
            for tile, part in row:
                if band is None:
                    shape = (len(part), self.scale * width, channels)
                    band = np.empty(shape, dtype=pixels.dtype)
                left = self.scale * tile.left
                band[:, left : left + part.shape[1]] = part
                on_tile()
            assert band is not None
            yield band
            # Before the next one is made.
            del band

    def upscale(self, pixels: Pixels) -> Iterator[tuple[Tile, Pixels]]:
        """Upscale an image tile by tile, row by row.

        Args:
            pixels: H x W x C, uint8, uint16 (full range) or float32 (in about [0, 1], without
                alpha); C is 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha; not
                premultiplied).

        Yields:
            Each tile with its pixels, s x height by s x width by C, in the dtype of ``pixels``;
            of floating-point ones in [0, 1].
            What is wholly transparent has no colour of its own; see :func:`bled`.

        Raises:
            DataError: the network's output is infinite or not a number somewhere.
        """
        pixels = bled(pixels)
        full = _FULL.get(pixels.dtype.name, 1)
        for tile in self.plan(*pixels.shape[:2]):
            window = pixels[tile.rows, tile.columns].astype(np.float64) / full
            yield tile, self._upscale_window(window, tile, pixels.dtype)

    def _upscale_window(self, window: Float64Array, tile: Tile, dtype: "np.dtype[Any]") -> Pixels:
        """H x W x C in [0, 1] to the tile's own part of it, upscaled."""
        n_colours = window.shape[2] - (window.shape[2] in (2, 4))
        colours, alpha = window[..., :n_colours], window[..., n_colours:]
        if n_colours == 1:
            upscaled: Pixels = _rounded(self._luma(colours[..., 0], tile)[..., None], dtype)
        else:
            ycbcr = rgb_to_ycbcr(colours)
            luma, chroma = self._luma(ycbcr[..., 0], tile), self._bicubic(ycbcr[..., 1:], tile)
            if dtype == np.uint8:
                upscaled = ycbcr_to_8_bit(luma, chroma)
            else:
                upscaled = _rounded(ycbcr_to_rgb(np.dstack([luma, chroma])), dtype)
        if alpha.shape[2]:
            return _beside(upscaled, _rounded(self._bicubic(alpha, tile), dtype))
        return upscaled

    def _luma(self, y: Float64Array, tile: Tile) -> Float64Array:
        upscaled = self.luma(y, tile.margins())
        check_finite(upscaled)  # Or a cast would make black of it.
        return upscaled

    def _bicubic(self, window: Float64Array, tile: Tile) -> Float64Array:
        near = tile.within(BICUBIC_RADIUS)
        return imresize(window[near.rows, near.columns], self.scale)[near.core(self.scale)]


def _beside(colours: Pixels, alpha: Pixels) -> Pixels:
    joined: Pixels = np.concatenate([colours, alpha], axis=2)
    return joined


def _rounded(upscaled: Float64Array, dtype: "np.dtype[Any]") -> Pixels:
    """In [0, 1] as the protocol rounds: half up after clipping; floating-point ones are clipped."""
    clipped = np.clip(upscaled, 0, 1)
    if dtype.name not in _FULL:
        return clipped.astype(np.float32)
    whole: Pixels = np.floor(clipped * _FULL[dtype.name] + 0.5).astype(dtype)
    return whole
