"""CARAFE: every output is a weighted sum around its pixel, with weights that the content gives."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from variants.registry import register_upsampler
from variants.upsamplers.base import Upsampler, check_at_least, he_std

TAPS = 5
"""Side of the square that an output sums over, LR pixels."""


@register_upsampler("carafe")
class CarafeUpsampler(Upsampler):
    """Content-aware reassembly of features.

    N x C x H x W to N x C x 2H x 2W. A 1x1 convolution to fewer channels and a 3x3 one predict for
    each output pixel 5 x 5 weights, positive and of sum one, by which the features around it are
    summed, every channel alike. Source: Wang et al., "CARAFE: Content-Aware ReAssembly of
    FEatures", ICCV 2019, with k_up = 5 and k_encoder = 3, and a quarter of the channels as there.

    Args:
        compressed: channels that the weights are predicted from.
    """

    def __init__(
        self, channels: int, *, n_convs: int, crop: str = "last", compressed: int = 16
    ) -> None:
        super().__init__(channels, n_convs=n_convs, crop=crop)
        check_at_least("carafe", "compressed", compressed, 1)
        self.compressed = compressed
        self.compress = nn.Conv2d(channels, compressed, 1)
        self.encode = nn.Conv2d(compressed, 4 * TAPS**2, 3, padding=1)
        for conv, std in ((self.compress, he_std(channels)), (self.encode, 0.001)):
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)
            nn.init.normal_(conv.weight, std=std)

    def forward(self, features: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
        n, channels, height, width = features.shape
        logits = self.encode(self.compress(features)).reshape(n, TAPS**2, 1, 4, height, width)
        weights = logits.softmax(dim=1).to(features.dtype)
        margin = TAPS // 2
        around = F.pad(features, (margin, margin, margin, margin))
        # Tap by tap: all 25 shifted copies at once would take 25 times the memory.
        total = features.new_zeros(n, channels, 4, height, width)
        for tap in range(TAPS**2):
            row, column = divmod(tap, TAPS)
            shifted = around[:, :, None, row : row + height, column : column + width]
            total = total + shifted * weights[:, tap]
        return F.pixel_shuffle(total.flatten(1, 2), 2)

    def macs(self, height: int, width: int) -> int:
        predicted = self.compressed * (self.channels + 9 * 4 * TAPS**2) * height * width
        return predicted + sum(self.uncounted(height, width).values())

    def uncounted(self, height: int, width: int) -> Mapping[str, int]:
        words = f"content-aware reassembly, {TAPS**2} products per value"
        return {words: 4 * TAPS**2 * self.channels * height * width}

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, compressed={self.compressed}"
