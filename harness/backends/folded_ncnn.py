"""ncnn on the CPU, with the last upsampler and the residual convolution as one."""

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.backends import Forward, get_backend
from harness.backends.folded import rewrite

if TYPE_CHECKING:
    from variants.backbones.base import SRModel


def prepare(
    model: "SRModel", dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`; the model is folded already."""
    return get_backend("ncnn").prepare(model, dtype, device, shape)


BACKEND = replace(get_backend("ncnn"), prepare=prepare, extra="ncnn", rewrite=rewrite, memory=1.6)
