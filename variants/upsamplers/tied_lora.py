"""A tied kernel with a low-rank correction for every level."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from variants.precision import without_autocast
from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, check_at_least, check_conv, he_std
from variants.upsamplers.transposed import KernelUpsampler, TransposedUpsampler


def truncated_svd(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The factors of the best approximation of a rank, as large as each other.

    Args:
        matrix: rows x columns.
        rank: of the approximation; beyond that of the matrix the factors are filled with zeros.

    Returns:
        rows x rank and rank x columns.
    """
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    left = matrix.new_zeros(len(matrix), rank)
    right = matrix.new_zeros(rank, matrix.shape[1])
    kept = min(rank, len(s))
    root = s[:kept].sqrt()
    left[:, :kept], right[:kept] = u[:, :kept] * root, root[:, None] * vh[:kept]
    return left, right


class PerLevelTransposed(Upsampler):
    """A 3x3 transposed convolution for each level: N x C x H x W to N x C x 2H x 2W."""

    per_level: ClassVar[bool] = True
    bias: nn.Parameter

    def __init__(self, levels: Sequence[TransposedUpsampler]) -> None:
        first = levels[0]
        super().__init__(first.channels, n_convs=first.n_convs, crop=first.crop)
        self.levels = nn.ModuleList(levels)

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d], level: int = 0) -> Tensor:
        output: Tensor = self.levels[level](features, convs)
        return output

    def at(self, level: int) -> TransposedUpsampler:
        """That of a level."""
        module = self.levels[level]
        assert isinstance(module, TransposedUpsampler)
        return module

    def macs(self, height: int, width: int) -> int:
        return 9 * self.channels**2 * height * width


@register_upsampler("tied-lora")
class TiedLoraUpsampler(KernelUpsampler):
    """The adjoint of the k-th convolution plus a low-rank correction of each level's own.

    N x C x H x W to N x C x 2H x 2W. Of a level with rank r, the kernel as a C x 9C matrix is
    corrected by a C x r times an r x 9C one. Source: the weight-sharing method (see ``tied``) with
    the per-layer LoRA of Bae et al., "Relaxed Recursive Transformers", ICLR 2025. It starts without
    a correction; from a trained transposed convolution, with the truncated singular value
    decomposition of the difference to it, as theirs does.

    Args:
        conv: k, the convolution whose weight is shared, 1 to ``n_convs``.
        rank: r, at least 1.
        levels: how many corrections there are.
    """

    per_level: ClassVar[bool] = True
    bias: nn.Parameter

    def __init__(
        self,
        channels: int,
        *,
        n_convs: int,
        conv: int,
        crop: str = "last",
        rank: int = 2,
        levels: int = 1,
    ) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_conv("tied-lora", conv, n_convs)
        check_at_least("tied-lora", "rank", rank, 1)
        self.conv, self.rank, self.n_levels = conv, rank, levels
        self.left = nn.Parameter(torch.empty(levels, channels, rank))
        self.right = nn.Parameter(torch.zeros(levels, rank, 9 * channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.normal_(self.left, std=he_std(channels))

    @property
    def shares(self) -> tuple[int, ...]:
        return (self.conv,)

    def kernel(self, convs: Sequence[nn.Conv2d], level: int = 0) -> Tensor:
        weight = convs[self.conv - 1].weight
        with without_autocast(weight.device.type):
            return weight + (self.left[level] @ self.right[level]).view(weight.shape)

    def kernel_macs(self) -> int:
        return 9 * self.channels**2 * self.rank

    def baked(self, convs: Sequence[nn.Conv2d]) -> Upsampler:
        return PerLevelTransposed([self.as_transposed(convs, n) for n in range(self.n_levels)])

    @torch.no_grad()
    def start_from(self, weight: Tensor, bias: Tensor, convs: Sequence[nn.Conv2d]) -> bool:
        difference = (weight - convs[self.conv - 1].weight).flatten(1)
        left, right = truncated_svd(difference, self.rank)
        for level in range(self.n_levels):
            self.left[level].copy_(left)
            self.right[level].copy_(right)
        self.bias.copy_(bias)
        return True

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, conv={self.conv}, rank={self.rank}"
