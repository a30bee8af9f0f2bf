"""Training patches: images decoded and resized once, kept in memory, cut at random."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import DataError
from harness.images.imresize import imresize
from harness.training.recipe import Batch
from harness.training.rng import generator

Float64Array = NDArray[np.float64]
BLACK, WHITE = 16 / 255, 235 / 255
"""The studio range of BT.601 luma."""
ALIGNMENT = 8
"""Images are cropped to multiples of this, so that every level of the pyramid fits exactly."""


@dataclass(frozen=True)
class Pyramid:
    """One image: ``levels[k]`` is the luma at 1 / 2**k of the size, H x W float32 in [0, 1]."""

    levels: tuple[Tensor, ...]

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.levels[0].shape
        return height, width


class PatchBatch(NamedTuple):
    """What one scale contributes to a step (a tuple, which engines can take apart).

    Attributes:
        scale: 2, 4 or 8.
        lr: n x 1 x p/scale x p/scale luma, float32.
        targets: the luma at 2x, 4x, ... up to ``scale``.
        global_images: images of all processes together, of which ``lr`` holds a part.
    """

    scale: int
    lr: Tensor
    targets: tuple[Tensor, ...]
    global_images: int

    def to(self, device: torch.device) -> "PatchBatch":
        """The same on another device."""
        targets = tuple(target.to(device, non_blocking=True) for target in self.targets)
        lr = self.lr.to(device, non_blocking=True)
        return PatchBatch(self.scale, lr, targets, self.global_images)


def pyramid(y: Float64Array, scales: Sequence[int] = (2, 4, 8)) -> Pyramid:
    """Luma and its MATLAB-bicubic reductions, each made from the full size; unrounded.

    Args:
        y: H x W in [0, 1]; cropped at the bottom and right to a multiple of 8.
        scales: reductions to make.
    """
    height, width = (n - n % ALIGNMENT for n in y.shape)
    y = y[:height, :width]
    levels = [y, *(imresize(y, 1 / scale) for scale in scales)]
    return Pyramid(tuple(torch.from_numpy(level.astype(np.float32)) for level in levels))


class PatchBank:
    """All training images at all rescaling factors, and how patches are drawn from them.

    Args:
        images: H x W luma in [0, 1], float64.
        rescale: factors applied to every image.
        least: images smaller than this on a side, in pixels, are left out at that factor.
        full_range: share of the patches whose luma is stretched to the full range.

    Raises:
        DataError: nothing is large enough.
    """

    def __init__(
        self,
        images: Sequence[Float64Array],
        rescale: Sequence[float],
        least: int,
        full_range: float = 0.0,
    ) -> None:
        self._full_range = full_range
        self._pyramids: list[list[Pyramid]] = []
        for y in images:
            sizes = [y if factor == 1 else np.clip(imresize(y, factor), 0, 1) for factor in rescale]
            kept = [pyramid(size) for size in sizes if _fits(size.shape, least)]
            if kept:
                self._pyramids.append(kept)
        if not self._pyramids:
            raise DataError(f"no training image is as large as one patch of {least}x{least} pixels")
        self._large_enough: dict[int, list[list[Pyramid]]] = {}

    def _candidates(self, patch: int) -> list[list[Pyramid]]:
        if patch not in self._large_enough:
            fitting = [[p for p in sizes if _fits(p.size, patch)] for sizes in self._pyramids]
            self._large_enough[patch] = [sizes for sizes in fitting if sizes]
            if not self._large_enough[patch]:
                raise DataError(f"no training image is as large as a {patch}x{patch} patch")
        return self._large_enough[patch]

    def draw(
        self, scale: int, batch: Batch, *, seed: int, step: int, rank: int = 0, world: int = 1
    ) -> PatchBatch:
        """The part of a step's batch that process ``rank`` of ``world`` computes.

        Every image is equally likely, then every rescaling factor at which a patch fits, every
        position on the LR grid, and every one of the eight rotations and flips.
        """
        samples = [
            self._sample(scale, batch.patch, generator(seed, step, scale * 2**16 + index))
            for index in range(rank, batch.images, world)
        ]
        levels = [torch.stack(level)[:, None] for level in zip(*samples, strict=True)]
        if not levels:  # More processes than images: this one contributes nothing.
            sides = [batch.patch // scale << k for k in range(scale.bit_length())]
            levels = [torch.zeros(0, 1, side, side) for side in sides]
        return PatchBatch(scale, levels[0], tuple(levels[1:]), batch.images)

    def _sample(self, scale: int, patch: int, random: np.random.Generator) -> list[Tensor]:
        candidates = self._candidates(patch)
        sizes = candidates[random.integers(len(candidates))]
        image = sizes[random.integers(len(sizes))]
        height, width = image.size
        top = int(random.integers((height - patch) // scale + 1))
        left = int(random.integers((width - patch) // scale + 1))
        turn = int(random.integers(8))
        stretched = bool(random.random() < self._full_range)
        crops = []
        for level in reversed(range(scale.bit_length())):
            factor, side = scale >> level, patch >> level
            rows = slice(top * factor, top * factor + side)
            columns = slice(left * factor, left * factor + side)
            crop = _turned(image.levels[level][rows, columns], turn)
            crops.append(_stretch(crop) if stretched else crop)
        return crops


def _fits(size: Sequence[int], patch: int) -> bool:
    return min(n - n % ALIGNMENT for n in size) >= patch


def _stretch(y: Tensor) -> Tensor:
    """Studio-range luma to the full range; imresize commutes with it, as its weights sum to 1."""
    return (y - BLACK) / (WHITE - BLACK)


def _turned(crop: Tensor, turn: int) -> Tensor:
    """One of the eight rotations and reflections of a square; imresize commutes with all."""
    if turn & 4:
        crop = crop.T
    return crop.flip([axis for axis in (0, 1) if turn >> axis & 1])
