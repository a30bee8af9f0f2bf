"""Cutting an image into tiles that overlap by what the network sees."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

from variants.backbones.base import SRModel

M = TypeVar("M", bound=SRModel)

LARGEST_RADIUS = 512

SMALLEST_TILE = 32
"""LR pixels on a side, whatever memory that takes."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of an image, in pixels, with the margin that is computed and thrown away.

    Attributes:
        top, left, height, width: the part that this tile is responsible for.
        rows, columns: the window that is read: the part and its margin, inside the image.
    """

    top: int
    left: int
    height: int
    width: int
    rows: slice
    columns: slice

    def core(self, scale: int) -> tuple[slice, slice]:
        """Where the part lies in the upscaled window."""
        top, left = self.top - self.rows.start, self.left - self.columns.start
        return (
            slice(scale * top, scale * (top + self.height)),
            slice(scale * left, scale * (left + self.width)),
        )

    def margins(self) -> tuple[int, int, int, int]:
        """Pixels of the window above, below, left of and right of the part."""
        return (
            self.top - self.rows.start,
            self.rows.stop - self.top - self.height,
            self.left - self.columns.start,
            self.columns.stop - self.left - self.width,
        )

    def within(self, margin: int) -> "Tile":
        """The same part with a margin of at most so many pixels, its window counted from this one.

        Args:
            margin: pixels.
        """
        above, below, before, behind = self.margins()
        return replace(
            self,
            top=above,
            left=before,
            rows=slice(max(0, above - margin), above + self.height + min(below, margin)),
            columns=slice(max(0, before - margin), before + self.width + min(behind, margin)),
        )


def largest_tile(hr_pixels: int, hr_margin: int, scale: int) -> int:
    """LR pixels on a side of a tile without its margin.

    Args:
        hr_pixels: of the tile with its margin.
        hr_margin: HR pixels on each side.
        scale: HR over LR.
    """
    return max((int(hr_pixels**0.5) - 2 * hr_margin) // scale, SMALLEST_TILE)


def plan_tiles(
    height: int, width: int, size: int, margin: int, *, whole: bool = True
) -> list[Tile]:
    """Cover an image with tiles, row by row.

    Args:
        height: of the image, in pixels.
        width: of the image, in pixels.
        size: the most pixels on a side of a tile, without its margin; of whole windows, of one that
            has its margin on both sides.
        margin: pixels around it, as far as the image reaches; of whole windows sometimes one more.
        whole: windows are computed as they are. Then all have one shape, and tiles at a border,
            where a margin is missing, are larger by it: so every pass takes the memory that the one
            before it left. Where margins shrink on the way, tiles are of about equal size.
    """
    spans = _alike if whole else _equal
    return [
        Tile(top, left, bottom - top, right - left, rows, columns)
        for top, bottom, rows in spans(height, size, margin)
        for left, right, columns in spans(width, size, margin)
    ]


def _equal(length: int, size: int, margin: int) -> Iterator[tuple[int, int, slice]]:
    """Along a side, where each tile begins and ends, and its window: tiles of about equal size."""
    n = -(-length // size)
    edges = [index * length // n for index in range(n + 1)]
    for start, stop in pairwise(edges):
        yield start, stop, slice(max(0, start - margin), min(length, stop + margin))


def _alike(length: int, size: int, margin: int) -> Iterator[tuple[int, int, slice]]:
    """The same for windows of equal size."""
    n = max(1, -(-(length - 2 * margin) // size))
    window = -(-(length + (n - 1) * 2 * margin) // n)
    begins = [index * (length - window) // max(1, n - 1) for index in range(n)]
    edges = [0, *(begin + margin for begin in begins[1:]), length]
    for begin, (start, stop) in zip(begins, pairwise(edges), strict=True):
        yield start, stop, slice(begin, begin + window)


def receptive_radius(model: SRModel) -> int | None:
    """How many LR pixels around an LR pixel its part of a network's output depends on.

    Returns:
        The radius, or None if it exceeds ``LARGEST_RADIUS`` (an operation over the whole image).
    """
    return radius_of(probe_of(model), model.scale)


def probe_of(model: M) -> M:
    """A copy that can be experimented with: on the CPU, in float32."""
    return copy.deepcopy(model).to(device="cpu", dtype=torch.float32).eval()


def radius_of(function: Callable[[Tensor], Tensor], scale: int) -> int | None:
    """How many pixels around a pixel its part of a function's output depends on.

    Found by experiment: a NaN spreads to every output that reads it, whatever the weights are, so
    the answer holds for any backbone and upsampler, also for one that this code does not know. A
    convolution that computes in blocks may spread it further, which costs time, not correctness.

    Args:
        function: 1 x 1 x H x W to 1 x 1 x sH x sW.
        scale: s.

    Returns:
        The radius, or None if it exceeds ``LARGEST_RADIUS``.
    """
    radius = 8
    # A strip is enough, and cheap: what a network sees is as wide in a strip as in an image.
    while radius <= LARGEST_RADIUS:
        reach = max(_reach(function, scale, radius, across) for across in (False, True))
        if reach < radius:
            return reach
        radius *= 2
    return None


@torch.inference_mode()
def _reach(function: Callable[[Tensor], Tensor], scale: int, radius: int, across: bool) -> int:
    """How far from the middle of a strip of 2 x radius + 1 pixels the output is affected."""
    strip = torch.zeros(1, 1, 1, 2 * radius + 1)
    strip[..., radius] = torch.nan
    output = function(strip.mT).mT if across else function(strip)
    affected = output.isnan().any(dim=-2).flatten().nonzero().flatten() // scale
    return int((affected - radius).abs().max())
