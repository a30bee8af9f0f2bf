"""What a forward pass computes and holds, operator by operator, without computing it.

Runs on meta tensors: shapes flow through the real code of a model while no arithmetic is done,
so a 720p forward is counted in milliseconds.
"""

import math
import weakref
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from torch.utils.module_tracker import ModuleTracker

from variants.backbones.base import SRModel
from variants.upsamplers.base import Upsampler

_CONVOLUTIONS = (torch.ops.aten.convolution.default, torch.ops.aten._convolution.default)
_MATRIX_PRODUCTS = (torch.ops.aten.mm.default, torch.ops.aten.bmm.default)
_MOVES = {
    *("arange", "cat", "channel_shuffle", "clone", "col2im", "constant_pad_nd", "copy_", "detach"),
    *(
        "empty",
        "empty_like",
        "empty_strided",
        "fill_",
        "flip",
        "full",
        "full_like",
        "gather",
        "im2col",
    ),
    *("index", "index_select", "lift_fresh", "new_empty", "new_zeros", "ones", "ones_like"),
    *("pixel_shuffle", "pixel_unshuffle", "reflection_pad2d", "repeat", "replication_pad2d"),
    *("roll", "scalar_tensor", "stack", "zeros", "zeros_like", "_to_copy", "_unsafe_view"),
}
"""Operators that make or move numbers, and compute none."""


@dataclass
class Tally:
    """MACs and activations (elements of convolution outputs) of one module.

    MACs of convolutions and matrix products, and what an upsampler declares beside them.
    """

    macs: int = 0
    activations: int = 0


@dataclass
class OperatorCounts:
    """What one forward pass did.

    Attributes:
        modules: qualified module name to its tally; a module that runs often sums up.
        peak_bytes: the most bytes that tensors held at once: parameters, input and everything
            that the forward pass had alive. Scratch memory inside operators is not seen.
        uncounted: operators that compute and are not counted, beside those that take each number
            by itself, such as activations and additions; how often each ran, those of torch as it
            calls them and those of others as ``NAMESPACE::NAME``.
    """

    uncounted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    modules: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    peak_bytes: int = 0

    @property
    def macs(self) -> int:
        return sum(tally.macs for tally in self.modules.values())

    @property
    def activations(self) -> int:
        return sum(tally.activations for tally in self.modules.values())


class _Observer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operator: counts products, follows the life of every storage."""

    def __init__(
        self, counts: OperatorCounts, tracker: ModuleTracker, *, has_weights: bool
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts, self.tracker = counts, tracker
        # By convention an interpolation counts nothing, however it is computed.
        self.has_weights = has_weights
        self.live_bytes = 0
        self._seen: dict[int, weakref.finalize[Any, Any]] = {}

    def follow(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._seen:
            return
        size = storage.nbytes()
        self.live_bytes += size
        self.counts.peak_bytes = max(self.counts.peak_bytes, self.live_bytes)

        def free() -> None:
            self.live_bytes -= size
            del self._seen[key]

        self._seen[key] = weakref.finalize(storage, free)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func not in _CONVOLUTIONS and func not in _MATRIX_PRODUCTS:
            # In inference mode operators come as they were called: as what they are made of.
            with self:
                made = func.decompose(*args, **(kwargs or {}))
            if made is not NotImplemented:
                return made
        out = func(*args, **(kwargs or {}))
        if func in _CONVOLUTIONS:
            source, weight, transposed = args[0], args[1], args[6]
            taps = math.prod(weight.shape[1:])
            tally = self.counts.modules[self._module()]
            tally.macs += (source if transposed else out).numel() * taps
            tally.activations += out.numel()
        elif func in _MATRIX_PRODUCTS:
            if self.has_weights:
                self.counts.modules[self._module()].macs += args[0].numel() * args[1].shape[-1]
        elif func.overloadpacket in flop_registry:
            flops = flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=out)
            self.counts.modules[self._module()].macs += int(flops) // 2
        else:
            self._note(func)
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                self.follow(tensor)
        return out

    def _note(self, func: Any) -> None:
        """Keep the name of an operator that computes and is not counted."""
        namespace, _, name = func.overloadpacket._qualified_op_name.partition("::")
        known = namespace in ("aten", "prims")
        by_itself = known and (torch.Tag.pointwise in func.tags or func.is_view or name in _MOVES)
        if not by_itself:
            self.counts.uncounted[name if known else f"{namespace}::{name}"] += 1

    def declare(self, upsampler: nn.Module, inputs: tuple[Any, ...]) -> None:
        """As a hook before an upsampler runs: count what it says that no operator shows."""
        assert isinstance(upsampler, Upsampler)
        n, _, height, width = inputs[0].shape
        if declared := sum(upsampler.uncounted(height, width).values()):
            self.counts.modules[self._module()].macs += n * declared

    def _module(self) -> str:
        """The innermost module that is running, without the root's class name."""
        names = [name for name in self.tracker.parents if name != "Global"]
        innermost = max(names, key=lambda name: name.count("."), default="")
        return innermost.partition(".")[2] or "(root)"


def count_operators(model: nn.Module, height: int, width: int) -> OperatorCounts:
    """Count one forward pass of a 1 x C x H x W float32 input.

    Args:
        model: on the meta device, in evaluation mode; of a network from outside whose code cannot
            run there, on the CPU.
        height: H, pixels.
        width: W, pixels.
    """
    counts = OperatorCounts()
    device = next((t.device for t in (*model.parameters(), *model.buffers())), torch.device("meta"))
    channels = model.channels if isinstance(model, SRModel) else 1
    source = torch.empty(1, channels, height, width, device=device)
    with ModuleTracker() as tracker, torch.no_grad():
        has_weights = next(model.parameters(), None) is not None
        observer = _Observer(counts, tracker, has_weights=has_weights)
        for tensor in (source, *model.parameters(), *model.buffers()):
            observer.follow(tensor)
        with ExitStack() as hooks, observer:
            for module in model.modules():
                if isinstance(module, Upsampler):
                    hooks.enter_context(module.register_forward_pre_hook(observer.declare))
            model(source)
    return counts
