"""ncnn on the CPU: the whole network in float32, by Winograd's convolutions where ncnn has them."""

from typing import TYPE_CHECKING, Final

from harness.backends import Backend, Forward, check_agrees, require_exportable
from harness.backends._ncnn import run, to_ncnn

if TYPE_CHECKING:
    from variants.backbones.base import SRModel

TOLERANCE: Final = 1e-4
"""Largest error over the largest value; Winograd's rounding makes about 1e-5 of it."""


def prepare(
    model: "SRModel", dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`."""
    import ncnn
    import torch

    from variants.bake import baked

    files = to_ncnn(baked(require_exportable(model, "ncnn")))
    forward = run(files, torch.get_num_threads())
    y = torch.rand(shape or (1, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    check_agrees(model, forward, y, TOLERANCE, f"ncnn {ncnn.__version__}")
    return forward


BACKEND = Backend(
    prepare,
    package="ncnn",
    dtypes=("float32",),
    devices=("cpu",),
    keeps_memory_format=False,
    # Its transposed convolution is a product, with a column of nine values for each channel.
    memory=3.4,
)
