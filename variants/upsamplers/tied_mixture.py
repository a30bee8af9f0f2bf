"""A learned mixture of all the block's kernels."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from variants.registry import register_upsampler
from variants.upsamplers.transposed import KernelUpsampler


@register_upsampler("tied-mixture")
class TiedMixtureUpsampler(KernelUpsampler):
    """The adjoint of a weighted sum of all the block's convolutions.

    N x C x H x W to N x C x 2H x 2W, with C biases and one weight per convolution: the training
    chooses whose kernel to share. Source: the weight-sharing method (see ``tied``) with kernels
    mixed as in Yang et al., "CondConv", NeurIPS 2019, here for all images alike.

    The weights are free of sign and sum, and start equal, such that the mixture of n kernels that
    have nothing in common is as large as each of them.
    """

    def __init__(self, channels: int, *, n_convs: int, crop: str = "last") -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        self.mixture = nn.Parameter(torch.full((n_convs,), n_convs**-0.5))
        self.bias = nn.Parameter(torch.zeros(channels))

    @property
    def shares(self) -> tuple[int, ...]:
        return tuple(range(1, self.n_convs + 1))

    def kernel(self, convs: Sequence[nn.Conv2d], level: int = 0) -> Tensor:
        weights = torch.stack([conv.weight for conv in convs])
        return (weights * self.mixture[:, None, None, None, None]).sum(0)
