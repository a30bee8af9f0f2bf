"""The tied upsampler is the adjoint of the stride-2 convolution with the convolution's weight."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from variants.upsamplers.tied import TiedUpsampler


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    conv=st.integers(1, 3),
    crop=st.sampled_from(["last", "first"]),
    seed=st.integers(0, 2**31),
)
def test_inner_products_agree(height: int, width: int, conv: int, crop: str, seed: int) -> None:
    """<conv_stride2(x), y> = <x, tied(y)> for all x and y."""
    generator = torch.Generator().manual_seed(seed)
    channels = 3
    convs = [torch.nn.Conv2d(channels, channels, 3, padding=1).double() for _ in range(3)]
    tied = TiedUpsampler(channels, n_convs=3, crop=crop, conv=conv, bias="none")
    weight = convs[conv - 1].weight
    x = torch.rand(1, channels, 2 * height, 2 * width, generator=generator, dtype=torch.float64)
    y = torch.rand(1, channels, height, width, generator=generator, dtype=torch.float64)
    if crop == "last":
        down = F.conv2d(F.pad(x, (0, 1, 0, 1)), weight, stride=2)
    else:
        down = F.conv2d(x, weight, stride=2, padding=1)
    torch.testing.assert_close((down * y).sum(), (x * tied(y, convs)).sum())
