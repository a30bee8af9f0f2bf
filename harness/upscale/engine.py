"""Upscaling arrays of any size tile by tile: the network on luma, bicubic on the rest."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from harness.data.colour import rgb_to_ycbcr, ycbcr_to_rgb
from harness.data.imresize import imresize
from harness.upscale.tiles import Tile, plan_tiles, receptive_radius
from variants.backbone import Bicubic, SRModel

Float64Array = NDArray[np.float64]
Pixels = NDArray[np.uint8] | NDArray[np.uint16]

BICUBIC_RADIUS = 3
"""Four taps reach two pixels; one more for the shift of phase."""

HR_PIXELS_PER_TILE = 600_000
"""Of a tile with its margin: one feature map of 64 float32 channels then takes 154 MB."""

SMALLEST_TILE = 32


class Luma(ABC):
    """Upscales luma.

    Attributes:
        scale: the factor.
        radius: LR pixels around a pixel that its output depends on; None for the whole image.
    """

    scale: int
    radius: int | None

    @abstractmethod
    def __call__(self, y: Float64Array) -> Float64Array:
        """H x W in [0, 1] to sH x sW, not clipped."""


class BicubicLuma(Luma):
    """MATLAB's bicubic interpolation; exact, with sparse matrices instead of a network's dense."""

    radius = BICUBIC_RADIUS

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, y: Float64Array) -> Float64Array:
        return imresize(y, self.scale)


class NetworkLuma(Luma):
    """A network, in float32.

    Args:
        model: moved to ``device`` and to channels-last memory, which convolutions like better.
        device: ``"cpu"`` or ``"cuda"``.
    """

    def __init__(self, model: SRModel, device: str) -> None:
        self.scale, self.radius, self.device = model.scale, receptive_radius(model), device
        # torch knows this argument; its type stubs do not.
        self.model = model.to(device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(self, y: Float64Array) -> Float64Array:
        batch = torch.from_numpy(y[None, None].astype(np.float32)).to(self.device)
        output: torch.Tensor = self.model(batch.contiguous(memory_format=torch.channels_last))
        return output[0, 0].double().cpu().numpy()


def luma_of(model: SRModel, device: str = "cpu") -> Luma:
    """The way to upscale luma with a model."""
    if isinstance(model, Bicubic):
        return BicubicLuma(model.scale)
    return NetworkLuma(model, device)


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
        """The tiles of an image of that size."""
        if self.margin is None:
            return plan_tiles(height, width, max(height, width), 0)
        window = int(HR_PIXELS_PER_TILE**0.5) // self.scale
        size = self.tile or max(window - 2 * self.margin, SMALLEST_TILE)
        return plan_tiles(height, width, size, self.margin)

    def upscale(self, pixels: Pixels) -> Iterator[tuple[Tile, Pixels]]:
        """Upscale an image tile by tile.

        Args:
            pixels: H x W x C, uint8 or uint16 (full range); C is 1 (grey), 2 (grey, alpha), 3
                (RGB) or 4 (RGB, alpha; not premultiplied).

        Yields:
            Each tile with its pixels, s x height by s x width by C, in the dtype of ``pixels``.
        """
        full = np.iinfo(pixels.dtype).max
        for tile in self.plan(*pixels.shape[:2]):
            window = pixels[tile.rows, tile.columns] / full
            upscaled = self._upscale_window(window)[tile.core(self.scale)]
            # As the protocol does: half up after clipping.
            whole = np.floor(np.clip(upscaled, 0, 1) * full + 0.5)
            yield tile, whole.astype(np.uint8) if full == 255 else whole.astype(np.uint16)

    def _upscale_window(self, window: Float64Array) -> Float64Array:
        n_colours = window.shape[2] - (window.shape[2] in (2, 4))
        colours, alpha = window[..., :n_colours], window[..., n_colours:]
        if n_colours == 1:
            upscaled = self.luma(colours[..., 0])[..., None]
        else:
            ycbcr = rgb_to_ycbcr(colours)
            chroma = imresize(ycbcr[..., 1:], self.scale)
            upscaled = ycbcr_to_rgb(np.dstack([self.luma(ycbcr[..., 0]), chroma]))
        if alpha.shape[2]:
            upscaled = np.dstack([upscaled, imresize(alpha, self.scale)])
        return upscaled
