"""A pyramid that computes a tile's margin only as far up as it is needed."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from harness.upscale.tiles import LARGEST_RADIUS, probe_of, radius_of
from variants.backbones.base import Pyramid, SRModel

Margins = tuple[int, int, int, int]
"""Pixels above, below, left and right."""


class ShrinkingPyramid(SRModel):
    """A pyramid for tiles: after each level it drops what no later level reads.

    The first level sees the widest margin, yet the last does three quarters of the work and takes
    most of the memory. The result is that of the pyramid with its margins cut off.

    Args:
        model: the pyramid, whose layers are shared.
        needed: what :func:`levels_needed` says of it, where that is known.

    Attributes:
        margins: of the next input, in its pixels; the output comes without them.
        needed: after each level, how many of its pixels around a pixel later levels read.
    """

    def __init__(self, model: Pyramid, needed: Sequence[int] | None = None) -> None:
        super().__init__()
        self.model, self.scale, self.margins = model, model.scale, (0, 0, 0, 0)
        self.needed = levels_needed(model) if needed is None else list(needed)

    def forward_levels(self, y: Tensor, scale: int | None = None) -> tuple[Tensor, ...]:
        """The last level alone: the others would be of other places."""
        features, image, margins = self.model.embed(y), y, self.margins
        for level, radius in enumerate(self.needed):
            features, residual = self.model.ascend(level, features)
            image = self.model.add_residual(level, image, residual)
            doubled = tuple(2 * pixels for pixels in margins)
            margins = tuple(min(pixels, radius) for pixels in doubled)  # type: ignore[assignment]
            cut = [before - after for before, after in zip(doubled, margins, strict=True)]
            image = _cut(image, *cut)
            if radius and any(cut):
                # A copy, so that the larger map is freed.
                features = _cut(features, *cut).contiguous(memory_format=torch.channels_last)
        return (image,)

    def macs(self, height: int, width: int) -> int:
        return self.model.macs(height, width)


def _cut(maps: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    height, width = maps.shape[-2:]
    return maps[..., top : height - bottom, left : width - right]


def levels_needed(model: Pyramid) -> list[int]:
    """After each level, how many of its pixels around a pixel later levels read."""
    probe = probe_of(model)

    def above(level: int, strip: Tensor) -> Tensor:
        """What the levels from one on make of its input, all channels alike."""
        features, image = strip.repeat(1, probe.width, 1, 1), strip
        for index in range(level, probe.max_levels):
            features, residual = probe.ascend(index, features)
            image = probe.add_residual(index, image, residual)
        return image

    later = range(1, probe.max_levels)
    radii = [radius_of(partial(above, level), probe.scale >> level) for level in later]
    return [*(LARGEST_RADIUS if radius is None else radius for radius in radii), 0]
