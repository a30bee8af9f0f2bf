"""Converse2D: the regularised inverse of a blur and decimation of each channel."""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.precision import without_autocast
from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, he_std

TAPS = 5
MARGIN = 2
"""LR pixels that are repeated around the features, which then wrap around."""


def blur_and_decimate(image: Tensor, kernel: Tensor) -> Tensor:
    """Every channel of a periodic image under its own kernel, every second pixel.

    Args:
        image: N x C x 2H x 2W, H and W at least 3.
        kernel: C x 1 x 5 x 5.

    Returns:
        N x C x H x W.
    """
    around = F.pad(image, (2, 2, 2, 2), mode="circular")
    return F.conv2d(around, kernel, stride=2, groups=len(kernel))


def adjoint(features: Tensor, kernel: Tensor) -> Tensor:
    """The adjoint of :func:`blur_and_decimate`: N x C x H x W to N x C x 2H x 2W."""
    around = F.pad(features, (1, 1, 1, 1), mode="circular")
    height, width = 2 * features.shape[2], 2 * features.shape[3]
    spread = F.conv_transpose2d(around, kernel, stride=2, groups=len(kernel))
    return spread[..., 4 : 4 + height, 4 : 4 + width]


def reverse_blur(features: Tensor, start: Tensor, kernel: Tensor, weight: Tensor) -> Tensor:
    """The minimum of |D x - features|^2 + weight |x - start|^2 over periodic images x, exactly.

    With D for :func:`blur_and_decimate` it is start + D'(D D' + weight)^-1 (features - D start),
    and D D' is a product with a number at each frequency of the LR grid.

    Args:
        features: N x C x H x W, H and W at least 3.
        start: N x C x 2H x 2W.
        kernel: C x 1 x 5 x 5.
        weight: C x 1 x 1, above 0.

    Returns:
        N x C x 2H x 2W.
    """
    height, width = features.shape[-2:]
    error = features - blur_and_decimate(start, kernel)
    impulse = features.new_zeros(1, 1, height, width)
    impulse[..., 0, 0] = 1
    impulse = impulse.expand(1, len(kernel), height, width)
    response = blur_and_decimate(adjoint(impulse, kernel), kernel)
    # Symmetric about zero, so its transform is real.
    spectrum = torch.fft.rfft2(response).real + weight
    corrected = torch.fft.irfft2(torch.fft.rfft2(error) / spectrum, s=(height, width))
    return start + adjoint(corrected, kernel)


@register_upsampler("converse")
class ConverseUpsampler(Upsampler):
    """1x1 convolution, then the regularised inverse of a learned blur of each channel.

    N x C x H x W to N x C x 2H x 2W, with C^2 + 27 C parameters: the mixture of channels, a 5 x 5
    blur and one weight of the regularisation per channel, and biases. The result is the image that
    the blur and decimation turn into the features, as near as the weight lets it come to them
    resized by repetition. Source: Huang et al., "Reverse Convolution and Its Applications to Image
    Restoration", ICCV 2025, arXiv 2508.09824; the closed form is that of the authors' Converse2D
    (github.com/cszn/ConverseNet), and a test solves it densely. Three things are ours: blurs stay
    positive and of sum one by a softmax on every pass, where theirs begins so and is then free; the
    weight of the regularisation starts at 0.0067, theirs at 0.00013; and borders are repeated by
    two pixels before they wrap around, where theirs wrap around at once.
    """

    not_exportable: ClassVar[str] = "it works in the Fourier domain, at sizes that vary"

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last") -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        self.mix = nn.Conv2d(channels, channels, 1)
        assert self.mix.bias is not None
        nn.init.zeros_(self.mix.bias)
        nn.init.normal_(self.mix.weight, std=he_std(channels))
        self.blur = nn.Parameter(torch.randn(channels, 1, TAPS, TAPS))
        self.weight = nn.Parameter(torch.full((channels, 1, 1), -5.0))

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        mixed = self.mix(features)
        with without_autocast(features.device.type):
            # Fourier transforms know no lower precision.
            around = F.pad(mixed.to(self.blur.dtype), (MARGIN,) * 4, mode="replicate")
            kernel = self.blur.flatten(1).softmax(dim=1).view_as(self.blur)
            start = F.interpolate(around, scale_factor=2, mode="nearest")
            # At least 1e-5, or frequencies that the blur removes would be divided by nothing.
            large = reverse_blur(around, start, kernel, torch.sigmoid(self.weight) + 1e-5)
        margin = 2 * MARGIN
        return large[..., margin:-margin, margin:-margin].to(mixed.dtype)

    def macs(self, height: int, width: int) -> int:
        rows, columns = height + 2 * MARGIN, width + 2 * MARGIN
        # Of the error and of the correction, and both of an impulse for the spectrum.
        around = (rows + 2) * (columns + 2)
        blurs = TAPS**2 * self.channels * 2 * (rows * columns + around)
        unseen = sum(self.uncounted(height, width).values())
        return self.channels**2 * height * width + blurs + unseen

    def uncounted(self, height: int, width: int) -> Mapping[str, int]:
        pixels = (height + 2 * MARGIN) * (width + 2 * MARGIN)
        words = "three Fourier transforms of real numbers, 1.25 n log2 n products each"
        return {words: math.ceil(3 * 1.25 * self.channels * pixels * math.log2(pixels))}
