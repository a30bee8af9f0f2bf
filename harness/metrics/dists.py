"""Deep image structure and texture similarity (Ding et al., TPAMI 2020) on RGB, by torchmetrics.

At the images' own size, where the authors' script shrinks them to 256 pixels first. The weights of
structure and texture come with torchmetrics (the authors', MIT); those of VGG16, trained on
ImageNet, are torchvision's (BSD-3-Clause) and are fetched from download.pytorch.org when it is
first computed.
"""

from typing import Any

from harness.metrics.metric import Metric
from harness.metrics.perceptual import Perceptual


def _make() -> Any:
    from torchmetrics.image.dists import DeepImageStructureAndTextureSimilarity

    return DeepImageStructureAndTextureSimilarity()


METRIC = Metric(
    "dists_rgb",
    "DISTS",
    "",
    digits=4,
    compute=Perceptual("DISTS", _make, "vgg16-397923af.pth", 528).compute,
    higher_is_better=False,
    colour="rgb",
    extra="perceptual",
)
