"""Sub-pixel convolution without weights of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, check_choice, check_conv

PHASES = ("flips", "convs")


@register_upsampler("shuffle-shared")
class ShuffleSharedUpsampler(Upsampler):
    """Pixel shuffle of shared kernels: one for each of the 2 x 2 pixels.

    N x C x H x W to N x C x 2H x 2W, with C biases. Source: the weight-sharing method (see
    ``tied``) applied to Shi et al., CVPR 2016 (see ``shuffle``). As a convolution has C channels
    and a shuffle takes 4 C, the four pixels read the k-th convolution's kernel as it is and
    mirrored at either axis or both, as they lie around the input pixel; or they read four
    convolutions of the block.

    Args:
        conv: k, the convolution whose weight is shared, 1 to ``n_convs``.
        phases: ``"flips"`` of the k-th kernel, or ``"convs"``: k and those behind it, in a circle.
    """

    def __init__(
        self, channels: int, *, n_convs: int, conv: int, crop: str = "last", phases: str = "flips"
    ) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_conv("shuffle-shared", conv, n_convs)
        check_choice("shuffle-shared", "phases", phases, PHASES)
        self.conv, self.phases = conv, phases
        self.bias = nn.Parameter(torch.zeros(channels))

    @property
    def shares(self) -> tuple[int, ...]:
        if self.phases == "flips":
            return (self.conv,)
        return tuple((self.conv - 1 + phase) % self.n_convs + 1 for phase in range(4))

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        lent = [convs[conv - 1].weight for conv in self.shares]
        if self.phases == "flips":
            lent += [lent[0].flip(axes) for axes in ((3,), (2,), (2, 3))]
        # Of a channel the four pixels lie side by side, as a shuffle wants them.
        weight = torch.stack(lent, dim=1).flatten(0, 1)
        return F.pixel_shuffle(
            F.conv2d(features, weight, self.bias[:, None].expand(-1, 4).flatten(), padding=1), 2
        )

    def macs(self, height: int, width: int) -> int:
        return 36 * self.channels**2 * height * width

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, conv={self.conv}, phases={self.phases}"
