"""The upsampler of LapSRN and MS-LapSRN: a transposed convolution with weights of its own."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, he_std, transposed_conv


@register_upsampler("transposed")
class TransposedUpsampler(Upsampler):
    """3x3 transposed convolution, stride 2, C to C, with its own weight (C x C x 3 x 3) and bias.

    N x C x H x W to N x C x 2H x 2W. Source: Lai et al., "Deep Laplacian Pyramid Networks"
    (CVPR 2017), section 3.1, in the form of the authors' released networks.
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last") -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.normal_(self.weight, std=he_std(9 * channels / 4))

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        return transposed_conv(features, self.weight, self.bias, self.crop)

    def macs(self, height: int, width: int) -> int:
        return 9 * self.channels**2 * height * width


class KernelUpsampler(Upsampler):
    """A stride-2 3x3 transposed convolution whose kernel is worked out on every call.

    N x C x H x W to N x C x 2H x 2W; as many MACs per pixel as one with a kernel of its own.

    Attributes:
        bias: C of its own, set by each class; None without.
    """

    bias: nn.Parameter | None

    @abstractmethod
    def kernel(self, convs: Sequence[nn.Conv2d], level: int = 0) -> Tensor:
        """C x C x 3 x 3 in torch's layout of a transposed convolution (in x out)."""

    def kernel_bias(self, convs: Sequence[nn.Conv2d]) -> Tensor | None:
        """C, or None: its own, unless a class shares another."""
        return self.bias

    def kernel_macs(self) -> int:
        """Multiply-accumulates of convolutions and matrix products that the kernel takes."""
        return 0

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d], level: int = 0) -> Tensor:
        kernel = self.kernel(convs, level)
        return transposed_conv(features, kernel, self.kernel_bias(convs), self.crop)

    def macs(self, height: int, width: int) -> int:
        unseen = sum(self.uncounted(height, width).values())
        return 9 * self.channels**2 * height * width + self.kernel_macs() + unseen

    def baked(self, convs: Sequence[nn.Conv2d]) -> Upsampler:
        return self.as_transposed(convs)

    @torch.no_grad()
    def as_transposed(self, convs: Sequence[nn.Conv2d], level: int = 0) -> TransposedUpsampler:
        """The same function at a level as a transposed convolution with a copy of the kernel."""
        kernel, bias = self.kernel(convs, level), self.kernel_bias(convs)
        copy = TransposedUpsampler(self.channels, n_convs=self.n_convs, crop=self.crop)
        copy.to(kernel.device, kernel.dtype)
        copy.weight.copy_(kernel)
        if bias is not None:
            copy.bias.copy_(bias)
        return copy
