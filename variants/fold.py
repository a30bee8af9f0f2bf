"""Folding, exact, for inference: the last upsampler and the residual convolution as one.

Behind the last level of MS-LapSRN nothing stands between the two, and both are linear. Together
they are one 3x3 convolution of the small features to four channels, which are the 2 x 2 pixels of
each: 36 C multiply-accumulates per small pixel instead of 9 C^2 + 36 C. At the borders they are not
quite: the crop takes away a row and a column of what the residual convolution would read, and the
upsampler's bias ends there. Both are put right on the border alone.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.backbones.base import SRModel
from variants.backbones.ms_lapsrn import MSLapSRN
from variants.errors import VariantError
from variants.upsamplers.tied_lora import PerLevelTransposed
from variants.upsamplers.transposed import TransposedUpsampler


class FoldedResidual(nn.Module):
    """N x C x H x W features to the N x 1 x 2H x 2W luma residual of the last level.

    Its kernels are worked out of the network's when it is made, so it has no parameters.

    Args:
        upsampler: of the last level.
        conv_out: C to 1, 3x3, padding 1, with a bias.
    """

    kernel: Tensor
    row: Tensor
    column: Tensor
    corner: Tensor
    bias_response: Tensor
    bias: Tensor

    def __init__(self, upsampler: TransposedUpsampler, conv_out: nn.Conv2d) -> None:
        super().__init__()
        up, out = upsampler.weight.detach(), conv_out.weight.detach()
        assert conv_out.bias is not None
        # The other crop is this one of everything mirrored.
        mirrored = upsampler.crop == "first"
        if mirrored:
            up, out = up.flip(2, 3), out.flip(2, 3)
        bias_response = torch.einsum("c,cij->ij", upsampler.bias.detach(), out[0])
        tensors = {
            # Of every output, which taps of both meet at which distance.
            "kernel": _phases(_phases(_meet(up, out), 2), 3),
            "row": _meet(up[:, :, 2:], out[:, :, 2:]).transpose(0, 1),
            "column": _meet(up[..., 2:], out[..., 2:]).transpose(0, 1),
            "corner": _meet(up[:, :, 2:, 2:], out[:, :, 2:, 2:]),
            "bias_response": bias_response[None, None],
        }
        self.channels = len(up)
        if mirrored:
            tensors = {name: tensor.flip(2, 3) for name, tensor in tensors.items()}
            tensors["kernel"] = tensors["kernel"].flip(0)  # Of the phases the last comes first.
        self.edge = slice(None, 1) if mirrored else slice(-1, None)
        self.inner = slice(1, None) if mirrored else slice(None, -1)
        for name, tensor in tensors.items():
            # Copies, which are not in the state dict: the network's weights are its only ones.
            self.register_buffer(name, tensor.clone(), persistent=False)
        self.register_buffer("bias", conv_out.bias.detach().clone(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        pixels = F.pixel_shuffle(F.conv2d(features, self.kernel, padding=1), 2)
        # What lies in the row and the column that the crop took: out, and twice out at the corner.
        last_row, last_column = features[:, :, self.edge], features[..., self.edge]
        row = F.conv_transpose2d(last_row, self.row, stride=2, padding=(0, 1))
        column = F.conv_transpose2d(last_column, self.column, stride=2, padding=(1, 0))
        corner = F.conv2d(last_column[:, :, self.edge], self.corner)
        column = self._less_at_the_edge(column[:, :, self.inner], corner, 2)
        pixels = self._less_at_the_edge(pixels, row[..., self.inner], 2)
        pixels = self._less_at_the_edge(pixels, column, 3)
        inside = torch.ones_like(pixels)
        return pixels + F.conv2d(inside, self.bias_response, self.bias, padding=1)

    def _less_at_the_edge(self, whole: Tensor, part: Tensor, dim: int) -> Tensor:
        """``whole`` less ``part`` in the row (``dim`` 2) or the column (3) at the edge."""
        before = dim * (slice(None),)
        parts = [whole[*before, self.inner], whole[*before, self.edge] - part]
        return torch.cat(parts if self.edge.start else parts[::-1], dim)

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for H x W features, the borders and the bias included."""
        whole = 36 * (self.channels + 1) * height * width
        return whole + self.channels * (5 * (height + width) + 1)


def _meet(up: Tensor, out: Tensor) -> Tensor:
    """How a tap of an upsampler and one of a convolution behind it meet, by their distance.

    Args:
        up: C x C x rows x columns.
        out: 1 x C x rows x columns, as large.

    Returns:
        1 x C x (2 rows - 1) x (2 columns - 1).
    """
    rows, columns = out.shape[2:]
    return F.conv2d(up, out, padding=(rows - 1, columns - 1)).transpose(0, 1)


def _phases(taps: Tensor, dim: int) -> Tensor:
    """Five taps between LR and HR pixels as two phases with three taps between LR pixels.

    Args:
        taps: P x C x rows x columns, five along ``dim``.
        dim: 2 (rows) or 3 (columns).

    Returns:
        2P x C x rows x columns, three along ``dim``; of each of the P first the even, then the odd.
    """
    tap = [taps.narrow(dim, n, 1) for n in range(5)]
    even = torch.cat([tap[3], tap[1], torch.zeros_like(tap[0])], dim)
    odd = torch.cat([tap[4], tap[2], tap[0]], dim)
    return torch.stack([even, odd], dim=1).flatten(0, 1)


def fold(model: SRModel) -> SRModel:
    """A copy of a network whose last upsampler and residual convolution are one.

    It computes the same, but for the order in which numbers are added. Its weights and its state
    dict are the network's.

    Raises:
        VariantError: it is none of MS-LapSRN's kind, or its upsampler is no 3x3 transposed
            convolution, be its kernel its own, shared or derived.
    """
    if not isinstance(model, MSLapSRN):
        raise VariantError("only MS-LapSRN can be folded: in others an activation is in between")
    baked = model.upsampler.baked(model.block)
    if isinstance(baked, PerLevelTransposed):
        baked = baked.at(model.max_levels - 1)
    if not isinstance(baked, TransposedUpsampler):
        raise VariantError(
            f"{type(model.upsampler).__name__} cannot be folded: "
            "only a 3x3 transposed convolution can"
        )
    folded = copy.deepcopy(model)
    folded.folded = FoldedResidual(baked, model.conv_out)
    return folded
