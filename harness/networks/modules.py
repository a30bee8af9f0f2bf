"""A network module by module: tensors, parameters, MACs."""

import copy
import math
from dataclasses import dataclass

from harness.measure.operators import count_operators
from variants.backbones.base import SRModel


@dataclass(frozen=True)
class ModuleRow:
    """One module that owns parameters or computes.

    Attributes:
        name: qualified, as in the state dict.
        type: its class.
        tensors: its own parameters with their shapes.
        params: how many numbers these are.
        macs: multiply-accumulates of one forward pass, over all times that it runs.
    """

    name: str
    type: str
    tensors: str
    params: int
    macs: int


def list_modules(model: SRModel, lr_height: int, lr_width: int) -> list[ModuleRow]:
    """Every module of a model that owns parameters or computes, in the model's order.

    Args:
        model: is copied to meta tensors; nothing is computed.
        lr_height: of the input, in pixels.
        lr_width: of the input, in pixels.
    """
    meta = copy.deepcopy(model).to("meta").eval()
    tallies = count_operators(meta, lr_height, lr_width).modules
    rows = []
    for name, module in meta.named_modules():
        own = dict(module.named_parameters(recurse=False))
        tally = tallies.get(name or "(root)")
        if not own and tally is None:
            continue
        rows.append(
            ModuleRow(
                name=name or "(root)",
                type=type(module).__name__,
                tensors=", ".join(f"{key} {_shape(tuple(t.shape))}" for key, t in own.items()),
                params=sum(math.prod(tensor.shape) for tensor in own.values()),
                macs=0 if tally is None else tally.macs,
            )
        )
    return rows


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
