"""A kernel that inverts a strided convolution, in closed form in the Fourier domain."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.errors import VariantError
from variants.precision import without_autocast
from variants.registry import register_upsampler
from variants.upsamplers.base import check_at_least, check_conv
from variants.upsamplers.inverse import strided_adjoint, strided_responses
from variants.upsamplers.transposed import KernelUpsampler


def inverse_on_torus(weight: Tensor, grid: int, ridge: float) -> Tensor:
    """(D D' + r)^-1 as the kernel of a periodic convolution, with D the stride-2 convolution.

    On a grid that repeats itself D D' is a convolution of the LR pixels, C x C numbers at each
    frequency, so its inverse is one small matrix inverse per frequency.

    Args:
        weight: C x C x 3 x 3 of D (out x in); gradients flow back into it.
        grid: LR pixels after which it repeats itself, at least 3.
        ridge: r, as a share of the mean of the diagonal of D D'.

    Returns:
        C x C x grid x grid (in x out); offset zero comes first, negative ones last.
    """
    gram = strided_responses(weight, weight)
    ridge_matrix = torch.eye(len(weight), device=weight.device, dtype=weight.dtype)
    # With the last term weights of zero have an inverse, too.
    ridge_matrix = (ridge * gram[:, :, 1, 1].diagonal().mean() + 1e-12) * ridge_matrix
    around = F.pad(gram, (0, grid - 3, 0, grid - 3)).roll((-1, -1), (2, 3))
    symbol = torch.fft.rfft2(around).permute(2, 3, 0, 1)
    inverse = torch.linalg.inv(symbol + ridge_matrix).permute(2, 3, 0, 1)
    kernel: Tensor = torch.fft.irfft2(inverse, s=(grid, grid))
    return kernel


@register_upsampler("inverse-fourier")
class InverseFourierUpsampler(KernelUpsampler):
    """The regularised inverse of the strided k-th convolution by its Fourier transform.

    N x C x H x W to N x C x 2H x 2W, at the adjoint's MACs per pixel and with its C biases. With D
    for the stride-2 convolution with the k-th convolution's weight, the pseudo-inverse is
    D'(D D' + r)^-1; it is worked out on a small grid that repeats itself, and its 3 x 3 middle taps
    are the kernel. Source: "Reverse Convolution and Its Applications to Image
    Restoration" (Converse2D), ICCV 2025, arXiv 2508.09824, whose depthwise closed form (see
    ``converse``) is generalised to a convolution that mixes channels.

    Args:
        conv: k, the convolution whose weight is shared, 1 to ``n_convs``.
        ridge: r, as a share of the mean of the diagonal of D D', above 0.
        grid: in LR pixels, at least 3: what lies that far away wraps around.
    """

    def __init__(
        self,
        channels: int,
        *,
        n_convs: int,
        conv: int,
        crop: str = "last",
        ridge: float = 0.05,
        grid: int = 8,
    ) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_conv("inverse-fourier", conv, n_convs)
        check_at_least("inverse-fourier", "grid", grid, 3)
        if isinstance(ridge, bool) or not isinstance(ridge, int | float) or not 0 < ridge < 1e6:
            raise VariantError(
                f"inverse-fourier upsampler: ridge must be a number above 0, not {ridge!r}"
            )
        self.conv, self.ridge, self.grid = conv, ridge, grid
        self.bias = nn.Parameter(torch.zeros(channels))

    @property
    def shares(self) -> tuple[int, ...]:
        return (self.conv,)

    def kernel(self, convs: Sequence[nn.Conv2d], level: int = 0) -> Tensor:
        weight = convs[self.conv - 1].weight
        with without_autocast(weight.device.type):
            inverse = inverse_on_torus(weight, self.grid, self.ridge)
            return strided_adjoint(inverse.roll((1, 1), (2, 3))[..., :3, :3], weight)

    def kernel_macs(self) -> int:
        return 2 * 81 * self.channels**3

    def uncounted(self, height: int, width: int) -> Mapping[str, int]:
        frequencies = self.grid * (self.grid // 2 + 1)
        return {
            "inverses of complex C x C matrices, one per frequency, C^3 complex products each": 4
            * frequencies
            * self.channels**3
        }

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, conv={self.conv}, ridge={self.ridge}, grid={self.grid}"
