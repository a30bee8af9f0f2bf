"""What a backbone asks of an upsampler."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, get_args

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
            ``padding=1, output_padding=1`` gives). Without meaning to upsamplers of other kinds.

    Attributes:
        per_level: whether it differs from level to level of a pyramid that shares all else. It is
            then built with ``levels=...``, how many it serves, and ``forward`` takes ``level=...``,
            0 and up.
        not_exportable: why other runtimes cannot have it, in words; empty if they can.
    """

    per_level: ClassVar[bool] = False
    not_exportable: ClassVar[str] = ""

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last") -> None:
        super().__init__()
        if crop not in CROPS:
            raise VariantError(f"crop must be one of {', '.join(CROPS)}, not {crop!r}")
        self.channels, self.n_convs, self.crop = channels, n_convs, crop

    @abstractmethod
    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        """N x C x H x W features to N x C x 2H x 2W, any H and W from 1 up."""

    def at_level(self, level: int, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        """The call of a backbone: ``forward`` at a level of its pyramid, 0 and up."""
        given = {"level": level} if self.per_level else {}
        output: Tensor = self(features, convs, **given)
        return output

    @abstractmethod
    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one H x W input, in closed form (bias and crop cost none).

        Those of :meth:`uncounted` are among them.
        """

    def uncounted(self, height: int, width: int) -> Mapping[str, int]:
        """Of :meth:`macs`, what counters of convolutions and matrix products do not see.

        Returns:
            What it is, in words for a report, to its multiply-accumulates.
        """
        return {}

    @property
    def shares(self) -> tuple[int, ...]:
        """Which of the block's convolutions lend it their weights, from 1 to ``n_convs``."""
        return ()

    def baked(self, convs: Sequence[nn.Conv2d]) -> "Upsampler":
        """The same function for tools that can neither share a weight nor derive one from it.

        Itself where there is nothing to change, and otherwise one with a copy of the weights.
        """
        return self

    def start_from(self, weight: Tensor, bias: Tensor, convs: Sequence[nn.Conv2d]) -> bool:
        """Come as near as it can to a trained transposed convolution.

        Args:
            weight: C x C x 3 x 3, of a ``transposed`` upsampler.
            bias: C.
            convs: the block that lends its weights, trained with it.

        Returns:
            Whether it did; False leaves it as it is.
        """
        return False

    def extra_repr(self) -> str:
        return f"channels={self.channels}, crop={self.crop}"


def check_conv(kind: str, conv: int, n_convs: int) -> None:
    """VariantError if ``conv`` names none of the block's convolutions."""
    if isinstance(conv, bool) or not isinstance(conv, int) or not 1 <= conv <= n_convs:
        raise VariantError(
            f"{kind} upsampler: conv must be 1 to {n_convs} (the block's depth), not {conv!r}"
        )


def check_choice(kind: str, option: str, value: str, choices: Sequence[str]) -> None:
    """VariantError if an option's value is none of its choices."""
    if value not in choices:
        raise VariantError(
            f"{kind} upsampler: {option} must be one of {', '.join(choices)}, not {value!r}"
        )


def check_at_least(kind: str, option: str, value: int, least: int) -> None:
    """VariantError if an option is no whole number from ``least`` up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise VariantError(
            f"{kind} upsampler: {option} must be a whole number of at least {least}, not {value!r}"
        )


def transposed_conv(
    features: Tensor, weight: Tensor, bias: Tensor | None, crop: str, groups: int = 1
) -> Tensor:
    """Stride-2 3x3 transposed convolution cropped to exactly twice the input.

    With ``crop="last"`` it is the adjoint of ``conv2d(pad(x, (0, 1, 0, 1)), weight, stride=2)``,
    with ``crop="first"`` that of ``conv2d(x, weight, stride=2, padding=1)``.

    Args:
        features: N x C_in x H x W.
        weight: C_in x C_out/groups x 3 x 3 (for a convolution's weight: out x in, unflipped).
        bias: C_out, or None.
        crop: ``"last"`` or ``"first"``.
        groups: of channels.

    Returns:
        N x C_out x 2H x 2W.
    """
    if crop == "first":
        return F.conv_transpose2d(
            features, weight, bias, stride=2, padding=1, output_padding=1, groups=groups
        )
    if groups == 1 and kernels.enabled_for(features):
        return kernels.conv_transpose2d_polyphase(features, weight, bias)
    if kernels.enabled_for(features, "cuda"):
        return kernels.conv_transpose2d_padded(features, weight, bias, groups)
    whole = F.conv_transpose2d(features, weight, bias, stride=2, groups=groups)
    return whole[..., :-1, :-1]


def he_std(fan: float) -> float:
    """He et al.'s standard deviation in front of a LeakyReLU of slope 0.2.

    Args:
        fan: how many products an output sums. A quarter of 9 x C taps of a stride-2 transposed 3x3
            convolution reach an output.
    """
    return float((2 / (1.04 * fan)) ** 0.5)
