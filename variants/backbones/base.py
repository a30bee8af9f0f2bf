"""What all backbones are: a network on luma, and the Laplacian pyramid that most share.

All work on luma: Y in [0, 1], N x 1 x H x W, any H and W from 1 up. Feature width 64 and
LeakyReLU slope 0.2 are the authors'.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from variants import kernels
from variants.catalog import SCALES
from variants.errors import VariantError
from variants.precision import without_autocast
from variants.upsamplers.base import Upsampler

SLOPE = 0.2

MakeUpsampler = Callable[[int, int, int], Upsampler]
"""``(channels, n_convs, levels)`` to an upsampler: ``n_convs`` of the block in front of it, and how
many levels of the pyramid it serves."""


def n_levels(scale: int) -> int:
    """Pyramid levels of a scale: 1, 2, 3 for 2x, 4x, 8x; VariantError for any other."""
    if scale not in SCALES:
        raise VariantError(f"scale must be 2, 4 or 8 (the pyramid doubles per level), not {scale}")
    return SCALES.index(scale) + 1


def conv3x3(c_in: int, c_out: int) -> nn.Conv2d:
    conv = nn.Conv2d(c_in, c_out, 3, padding=1)
    nn.init.kaiming_normal_(conv.weight, a=SLOPE)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


def image_upsampler() -> nn.ConvTranspose2d:
    """4x4 stride-2 transposed convolution, 1 to 1, no bias, starting as bilinear interpolation."""
    up = nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1, bias=False)
    taps = torch.tensor([0.25, 0.75, 0.75, 0.25], dtype=up.weight.dtype)
    with torch.no_grad():
        up.weight.copy_(torch.outer(taps, taps))
    return up


class SRModel(nn.Module, ABC):
    """A super-resolution network; all but those from outside are of this family.

    Attributes:
        scale: the factor that ``forward`` upscales by (2, 4 or 8).
        channels: of input and output: 1 for luma, 3 for RGB, which only networks from outside take.
        closed_form: whether :meth:`macs` is one, rather than a count.
    """

    scale: int
    channels: int = 1
    closed_form: bool = True

    @property
    def not_exportable(self) -> str:
        """Why other runtimes cannot have it, in words; empty if they can."""
        reasons = (m.not_exportable for m in self.modules() if isinstance(m, Upsampler))
        return next(filter(None, reasons), "")

    def forward(self, y: Tensor) -> Tensor:
        """N x 1 x H x W luma in [0, 1] to N x 1 x sH x sW (not clipped)."""
        return self.forward_levels(y)[-1]

    @abstractmethod
    def forward_levels(self, y: Tensor, scale: int | None = None) -> tuple[Tensor, ...]:
        """The outputs at 2x, 4x, ... up to ``scale`` (the model's own when None)."""

    @abstractmethod
    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one H x W LR input, in closed form.

        Convolutions and transposed convolutions only (biases, activations and additions cost
        none); a transposed convolution counts per *input* position. What an upsampler computes
        beside them is in it, too, see :meth:`uncounted`.
        """

    def uncounted(self, height: int, width: int) -> Mapping[str, int]:
        """Of :meth:`macs`, what counters of convolutions and matrix products do not see.

        Returns:
            What it is, in words for a report, to its multiply-accumulates.
        """
        return {}


class Pyramid(SRModel):
    """What LapSRN and MS-LapSRN share: an image branch that sums up per-level residuals."""

    def __init__(self, scale: int, width: int) -> None:
        super().__init__()
        self.scale, self.width = scale, width
        self.max_levels = n_levels(scale)
        if width < 1:
            raise VariantError(f"width must be at least 1, not {width}")
        self.conv_in = conv3x3(1, width)

    @abstractmethod
    def embed(self, y: Tensor) -> Tensor:
        """LR luma to the first features."""

    def first_conv(self, y: Tensor) -> Tensor:
        """``conv_in`` in the image's precision; its result in that of the features.

        In bf16 the image branch costs 0.05 dB at 2x, and the image that the first convolution
        reads 0.012 dB; rounding the features behind it costs less than 0.001 dB.
        """
        kind = y.device.type
        with without_autocast(kind):
            features = self.conv_in(y)
        if kind in ("cpu", "cuda") and torch.is_autocast_enabled(kind):
            features = features.to(torch.get_autocast_dtype(kind))
        return kernels.channels_last(features)

    @abstractmethod
    def ascend(self, level: int, features: Tensor) -> tuple[Tensor, Tensor]:
        """Level 0, 1, ...: features to (features, luma residual), both at twice the size."""

    @abstractmethod
    def image_up(self, level: int) -> nn.Module:
        """The image branch's upsampler of a level."""

    @abstractmethod
    def upsampler_at(self, level: int) -> Upsampler:
        """The feature upsampler of a level."""

    def level_macs(self, level: int, height: int, width: int) -> int:
        """Closed-form MACs of one level whose input is H x W."""
        n_convs = self.convs_per_level()
        embedding = n_convs * 9 * self.width**2 * height * width
        residual = 9 * self.width * 4 * height * width
        image = 16 * height * width
        up = self.upsampler_at(level).macs(height, width)
        return embedding + up + residual + image

    @abstractmethod
    def convs_per_level(self) -> int:
        """How many C-to-C convolutions run in one level, repetitions counted."""

    def forward_levels(self, y: Tensor, scale: int | None = None) -> tuple[Tensor, ...]:
        levels = self.max_levels if scale is None else n_levels(scale)
        if levels > self.max_levels:
            raise VariantError(f"this network was built for {self.scale}x, not {scale}x")
        features, image = self.embed(y), y
        outputs = []
        for level in range(levels):
            features, residual = self.ascend(level, features)
            image = self.add_residual(level, image, residual)
            outputs.append(image)
        return tuple(outputs)

    def residuals(self, features: Tensor) -> tuple[Tensor, ...]:
        """The feature branch behind :meth:`embed`: every level's luma residual."""
        outputs = []
        for level in range(self.max_levels):
            features, residual = self.ascend(level, features)
            outputs.append(residual)
        return tuple(outputs)

    def add_residual(self, level: int, image: Tensor, residual: Tensor) -> Tensor:
        """One step of the image branch, in the image's precision.

        Args:
            level: 0, 1, ...
            image: N x 1 x H x W, the level's input.
            residual: N x 1 x 2H x 2W, of any dtype.
        """
        with without_autocast(image.device.type):
            image_up: Tensor = self.image_up(level)(image)
            return image_up + residual.to(image.dtype)

    def uncounted(self, height: int, width: int) -> Mapping[str, int]:
        total: Counter[str] = Counter()
        for level in range(self.max_levels):
            total.update(self.upsampler_at(level).uncounted(height << level, width << level))
        return total

    def macs(self, height: int, width: int) -> int:
        total = 9 * self.width * height * width
        for level in range(self.max_levels):
            total += self.level_macs(level, height << level, width << level)
        return total
