"""Learned perceptual image patch similarity (Zhang et al., CVPR 2018) on RGB, by torchmetrics.

Version 0.1 on AlexNet, which the authors recommend for evaluation. The weights of its linear layers
come with torchmetrics (the authors', BSD-2-Clause); AlexNet's, trained on ImageNet, are
torchvision's (BSD-3-Clause) and are fetched from download.pytorch.org when it is first computed.
"""

from typing import Any

from harness.metrics.metric import Metric
from harness.metrics.perceptual import Perceptual


def _make() -> Any:
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    return LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)


METRIC = Metric(
    "lpips_rgb",
    "LPIPS",
    "",
    digits=4,
    compute=Perceptual("LPIPS", _make, "alexnet-owt-7be5be79.pth", 233, smallest=31).compute,
    higher_is_better=False,
    colour="rgb",
    extra="perceptual",
)
