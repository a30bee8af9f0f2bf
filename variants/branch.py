"""A network in two: the feature branch, for runtimes that compute it, and the image around it."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from variants.backbones.base import Pyramid
from variants.bake import baked


class FeatureBranch(nn.Module):
    """Everything behind a network's first convolution but the image branch.

    In the baked form, in which no two modules share a weight: quantising one along its input
    channels would quantise the other along its outputs, and OpenVINO 2026.4 computes wrong values.

    Args:
        model: in evaluation mode; not changed.
    """

    def __init__(self, model: Pyramid) -> None:
        super().__init__()
        self.model = baked(model)
        self.train(model.training)

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """N x C x H x W features of :meth:`Pyramid.embed` to every level's luma residual."""
        return self.model.residuals(features)


def with_image_branch(
    model: Pyramid, branch: Callable[[Tensor], Iterable[Tensor]]
) -> Callable[[Tensor], Tensor]:
    """A whole network whose feature branch is computed by something else.

    Args:
        model: in evaluation mode; its first convolution and its image branch are used, in float32.
        branch: features of ``embed`` to the luma residuals, coarse to fine.

    Returns:
        N x 1 x H x W luma to N x 1 x sH x sW.
    """

    def forward(y: Tensor) -> Tensor:
        with torch.inference_mode():
            image = y
            for level, residual in enumerate(branch(model.embed(y))):
                image = model.add_residual(level, image, residual)
        return image

    return forward


def largest_error(model: nn.Module, forward: Callable[[Tensor], Tensor], y: Tensor) -> float:
    """How far ``forward`` is from ``model`` on an image: the largest error of the largest value.

    NaN where either gives no finite numbers.
    """
    with torch.inference_mode():
        expected = model(y)
        return float((forward(y) - expected).abs().max() / expected.abs().max())
