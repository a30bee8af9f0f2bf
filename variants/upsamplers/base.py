"""What a backbone asks of an upsampler."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from variants import kernels
from variants.errors import VariantError

Crop = Literal["last", "first"]
CROPS: tuple[str, ...] = get_args(Crop)


class Upsampler(nn.Module, ABC):
    """Doubles the height and width of a feature map.

    A backbone builds one with ``cls(channels, n_convs=..., crop=..., **options)`` and calls it
    with the features and with the convolutions of the feature-embedding block in front of it,
    whose weights an upsampler may share. The convolutions are passed on every call rather than
    stored, so each weight has exactly one owner: one name in the state dict, one count in the
    parameters, and a deep copy stays whole.

    Args:
        channels: feature width C.
        n_convs: how many 3x3 C-to-C convolutions the block has.
        crop: which row and column of a (2H+1)x(2W+1) transposed convolution are dropped:
            ``"last"`` (the authors' MatConvNet networks) or ``"first"`` (what torch's
            ``padding=1, output_padding=1`` gives).
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last") -> None:
        super().__init__()
        if crop not in CROPS:
            raise VariantError(f"crop must be one of {', '.join(CROPS)}, not {crop!r}")
        self.channels, self.n_convs, self.crop = channels, n_convs, crop

    @abstractmethod
    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        """N x C x H x W features to N x C x 2H x 2W, any H and W from 1 up."""

    @abstractmethod
    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one H x W input, in closed form (bias and crop cost none)."""

    def extra_repr(self) -> str:
        return f"channels={self.channels}, crop={self.crop}"


def transposed_conv(features: Tensor, weight: Tensor, bias: Tensor | None, crop: str) -> Tensor:
    """Stride-2 3x3 transposed convolution cropped to exactly twice the input.

    With ``crop="last"`` it is the adjoint of ``conv2d(pad(x, (0, 1, 0, 1)), weight, stride=2)``,
    with ``crop="first"`` that of ``conv2d(x, weight, stride=2, padding=1)``.

    Args:
        features: N x C_in x H x W.
        weight: C_in x C_out x 3 x 3 (for a convolution's weight: out x in, unflipped).
        bias: C_out, or None.
        crop: ``"last"`` or ``"first"``.

    Returns:
        N x C_out x 2H x 2W.
    """
    if crop == "first":
        return F.conv_transpose2d(features, weight, bias, stride=2, padding=1, output_padding=1)
    if kernels.enabled_for(features):
        return kernels.conv_transpose2d_polyphase(features, weight, bias)
    whole = F.conv_transpose2d(features, weight, bias, stride=2)
    return whole[..., :-1, :-1]
