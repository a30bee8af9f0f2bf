"""The upsampler of CMS-LapSRN: a transposed convolution whose weight is tied to a convolution's."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from variants.registry import register_upsampler
from variants.upsamplers.base import check_choice, check_conv
from variants.upsamplers.transposed import KernelUpsampler

BIASES = ("own", "shared", "none")
KERNELS = ("adjoint", "flipped", "transposed", "turned")


@register_upsampler("tied")
class TiedUpsampler(KernelUpsampler):
    """Adjoint of the stride-2 convolution that has the weight of the block's k-th convolution.

    N x C x H x W to N x C x 2H x 2W, with no weight of its own: in torch's layout a convolution's
    weight (out x in x 3 x 3) used as it is by a transposed convolution gives exactly the adjoint,
    so neither flip nor transpose is needed. Source: "Weight-Sharing Method for Upsampling Layer
    From Feature Embedding Recursive Block". The poster does not say whether the bias is shared;
    ``bias="own"`` is our reading.

    Args:
        conv: k, the convolution whose weight is shared, 1 to ``n_convs``.
        bias: ``"own"`` (C parameters), ``"shared"`` (the convolution's) or ``"none"``.
        kernel: ``"adjoint"``; or the same numbers in another order, to ask whether it is the
            adjoint that counts: ``"flipped"`` in space, ``"transposed"`` (input and output channels
            swapped, so that it reads channels as the convolution does), or ``"turned"``, both.
    """

    def __init__(
        self,
        channels: int,
        *,
        n_convs: int,
        conv: int,
        crop: str = "last",
        bias: str = "own",
        kernel: str = "adjoint",
    ) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_conv("tied", conv, n_convs)
        check_choice("tied", "bias", bias, BIASES)
        check_choice("tied", "kernel", kernel, KERNELS)
        self.conv, self.bias_mode, self.order = conv, bias, kernel
        self.bias = nn.Parameter(torch.zeros(channels)) if bias == "own" else None

    @property
    def shares(self) -> tuple[int, ...]:
        return (self.conv,)

    def kernel(self, convs: Sequence[nn.Conv2d], level: int = 0) -> Tensor:
        weight: Tensor = convs[self.conv - 1].weight
        if self.order in ("transposed", "turned"):
            weight = weight.transpose(0, 1)
        return weight.flip(2, 3) if self.order in ("flipped", "turned") else weight

    def kernel_bias(self, convs: Sequence[nn.Conv2d]) -> Tensor | None:
        return convs[self.conv - 1].bias if self.bias_mode == "shared" else self.bias

    def extra_repr(self) -> str:
        order = "" if self.order == "adjoint" else f", kernel={self.order}"
        return f"{super().extra_repr()}, conv={self.conv}, bias={self.bias_mode}{order}"
