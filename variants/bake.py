"""Networks for tools that can neither share a weight nor derive one from it."""

import copy
from typing import TypeVar

from torch import nn

from variants.upsamplers.transposed import KernelUpsampler

M = TypeVar("M", bound=nn.Module)


def baked(model: M, *, derived_only: bool = False) -> M:
    """A copy of a network whose upsamplers own the kernels that they shared or derived.

    Args:
        model: a Pyramid; not changed.
        derived_only: leave those alone that share a kernel without computing with it.
    """
    copied = copy.deepcopy(model)
    for module in copied.modules():
        upsampler = getattr(module, "upsampler", None)
        if isinstance(upsampler, KernelUpsampler) and (
            not derived_only or upsampler.macs(0, 0) > 0
        ):
            module.upsampler = upsampler.baked(list(module.convs))  # type: ignore[arg-type]
    return copied
