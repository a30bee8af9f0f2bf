"""Bicubic interpolation: the baseline without a network."""

import torch
from torch import Tensor

from variants.backbones.base import SRModel, n_levels
from variants.catalog import SCALES
from variants.errors import VariantError
from variants.interpolation import resize_matrix
from variants.registry import register_backbone


@register_backbone("bicubic")
class Bicubic(SRModel):
    """MATLAB's bicubic interpolation as a model without parameters: the baseline of every table.

    Computes in the input's dtype; use float64 to match MATLAB's double arithmetic. Each level's
    output is interpolated from the LR image at once, not level by level.

    Args:
        scale: any whole number from 2 up; levels are those of a pyramid, of 2, 4 and 8.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        if scale < 2:
            raise VariantError(f"scale must be 2 or more, not {scale}")
        self.scale = scale

    def forward_levels(self, y: Tensor, scale: int | None = None) -> tuple[Tensor, ...]:
        levels = n_levels(self.scale if scale is None else scale)
        return tuple(self._upscale(y, SCALES[level]) for level in range(levels))

    def forward(self, y: Tensor) -> Tensor:
        return self._upscale(y, self.scale)

    @staticmethod
    def _upscale(y: Tensor, scale: int) -> Tensor:
        rows, columns = (
            torch.tensor(resize_matrix(n, n * scale, float(scale)), dtype=y.dtype, device=y.device)
            for n in y.shape[-2:]
        )
        return rows @ y @ columns.T

    def macs(self, height: int, width: int) -> int:
        """Zero by convention: the figure counts what a network computes."""
        return 0
