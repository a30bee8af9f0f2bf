"""The training objective, as a module, so that an engine can wrap it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.training.patches import PatchBatch
from harness.training.recipe import Loss
from harness.training.teacher import Teacher
from variants.backbones.base import SRModel
from variants.catalog import SCALES


def charbonnier(difference: Tensor, eps: float) -> Tensor:
    """Elementwise ``sqrt(difference**2 + eps)``, in float32."""
    difference = difference.float()
    return (difference * difference + eps).sqrt()


class Objective(nn.Module):
    """A network and its loss.

    Args:
        network: any of the package's.
        loss: eps and reduction.
        world: number of processes whose gradients an engine averages.
        bf16: whether features are computed in bf16. An engine's own mixed precision would round
            the network's input and the targets too.
        teacher: whose outputs are a second target; in the network's precision.
    """

    def __init__(
        self,
        network: SRModel,
        loss: Loss,
        world: int = 1,
        *,
        bf16: bool = False,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.network, self.loss, self.world, self.bf16 = network, loss, world, bf16
        # No module, so none of its parameters is one of this objective.
        self.teacher = teacher

    def forward(self, batches: Sequence[PatchBatch]) -> tuple[Tensor, Tensor]:
        """The loss of some batches, and for logs the error of each level.

        Returns:
            ``(loss, levels)``: a scalar whose gradient, averaged over processes, is that of one
            process with the global batch; and 3 x 2, per level 2x, 4x and 8x the sum of the
            Charbonnier error to the truth over this process' pixels and their number.
        """
        device = batches[0].lr.device
        total = torch.zeros((), device=device)
        levels = torch.zeros(len(SCALES), 2, device=device)
        n_images = sum(batch.global_images for batch in batches)
        for batch in batches:
            lr = batch.lr.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
                outputs = self.network.forward_levels(lr, batch.scale)
            sums = self._sums(outputs, batch.targets)
            with torch.no_grad():
                for level, value in enumerate(sums):
                    pixels = batch.targets[level].numel()
                    levels[level] += torch.stack([value, value.new_tensor(float(pixels))])
            pixels = batch.targets[-1].shape[-1] ** 2 if self.loss.reduction == "mean" else 1
            error = torch.stack(sums).sum()
            if self.teacher is not None:
                taught = self._taught(lr, batch.scale)
                # An outside network may have no output but the finest.
                to_teacher = torch.stack(self._sums(outputs[-len(taught) :], taught)).sum()
                error = torch.lerp(error, to_teacher, self.teacher.weight)
            total = total + error * (self.world / (n_images * pixels))
        return total, levels

    def _sums(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> list[Tensor]:
        return [
            charbonnier(output - target, self.loss.eps).sum()
            for output, target in zip(outputs, targets, strict=True)
        ]

    @torch.no_grad()
    def _taught(self, lr: Tensor, scale: int) -> tuple[Tensor, ...]:
        """The teacher's outputs, coarse to fine."""
        assert self.teacher is not None
        with torch.autocast(lr.device.type, torch.bfloat16, enabled=self.bf16):
            return self.teacher.networks[scale].forward_levels(lr, scale)
