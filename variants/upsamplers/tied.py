"""The upsampler of CMS-LapSRN: a transposed convolution whose weight is tied to a convolution's."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from variants.errors import VariantError
from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, transposed_conv
from variants.upsamplers.transposed import TransposedUpsampler

BIASES = ("own", "shared", "none")


@register_upsampler("tied")
class TiedUpsampler(Upsampler):
    """Adjoint of the stride-2 convolution that has the weight of the block's k-th convolution.

    N x C x H x W to N x C x 2H x 2W, with no weight of its own: in torch's layout a convolution's
    weight (out x in x 3 x 3) used as it is by a transposed convolution gives exactly the adjoint,
    so neither flip nor transpose is needed. Source: "Weight-Sharing Method for Upsampling Layer
    From Feature Embedding Recursive Block". The poster does not say whether the bias is shared;
    ``bias="own"`` is our reading.

    Args:
        conv: k, the convolution whose weight is shared, 1 to ``n_convs``.
        bias: ``"own"`` (C parameters), ``"shared"`` (the convolution's) or ``"none"``.
    """

    def __init__(
        self, channels: int, *, n_convs: int, conv: int, crop: str = "last", bias: str = "own"
    ) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        if isinstance(conv, bool) or not isinstance(conv, int) or not 1 <= conv <= n_convs:
            raise VariantError(
                f"tied upsampler: conv must be 1 to {n_convs} (the block's depth), not {conv!r}"
            )
        if bias not in BIASES:
            raise VariantError(f"tied upsampler: bias must be one of {', '.join(BIASES)}")
        self.conv, self.bias_mode = conv, bias
        self.bias = nn.Parameter(torch.zeros(channels)) if bias == "own" else None

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        conv = convs[self.conv - 1]
        bias = conv.bias if self.bias_mode == "shared" else self.bias
        return transposed_conv(features, conv.weight, bias, self.crop)

    def macs(self, height: int, width: int) -> int:
        return 9 * self.channels**2 * height * width

    def to_transposed(self, convs: Sequence[nn.Conv2d]) -> TransposedUpsampler:
        """The same function with a copy of the tied weight, for tools that cannot share one."""
        conv = convs[self.conv - 1]
        copy = TransposedUpsampler(self.channels, n_convs=self.n_convs, crop=self.crop)
        bias = conv.bias if self.bias_mode == "shared" else self.bias
        with torch.no_grad():
            copy.weight.copy_(conv.weight)
            if bias is not None:
                copy.bias.copy_(bias)
        return copy.to(conv.weight.device, conv.weight.dtype)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, conv={self.conv}, bias={self.bias_mode}"
