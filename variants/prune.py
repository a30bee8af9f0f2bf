"""Channel pruning: a trained network becomes one of fewer channels, to be trained further.

All convolutions of a network have one width, so what is left is the same variant with another
``width`` and needs no other machinery. Channels that must go together form a group: what a
residual connection adds up, what an upsampler takes and gives, and what the convolutions take and
give whose weights it shares. Of every group those channels stay whose weights have the largest L2
norm, over all that write or read the channel. Source: Li et al., "Pruning Filters for Efficient
ConvNets", ICLR 2017, with the group norm of Fang et al., "DepGraph", CVPR 2023. A library that
finds groups by tracing does not see that one weight serves two modules.
"""

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from variants.axes import parse_name, with_options
from variants.backbones.base import SRModel
from variants.backbones.lapsrn import LapSRN
from variants.backbones.ms_lapsrn import MSLapSRN
from variants.build import build
from variants.catalog import Variant, get_variant
from variants.errors import VariantError

TOLERANCE = 1e-6
"""Largest difference, of the largest value, between a pruned network and the whole one with its
other channels at zero; in float64, so it tells rounding from another function."""

_CHECKED = (9, 7)
"""Height and width of the image that both are tried on."""

_CONV = re.compile(r"(?P<block>(?:levels\.\d+\.)?)convs\.(?P<conv>\d+)\.")

Group = tuple[str, int]
"""Channels between two convolutions of a block: its prefix in the state dict, and how many lie
before; one such place names all that are joined to it."""


@dataclass(frozen=True)
class Pruned:
    """A network with fewer channels.

    Attributes:
        variant: which it is: the given one with another width.
        model: in evaluation mode.
        zeroed: a copy of the given one whose other channels are zero: the same function.
    """

    variant: Variant
    model: SRModel
    zeroed: SRModel


def prune(model: SRModel, variant: Variant, ratio: float) -> Pruned:
    """Leave out the weakest channels of a network, and check that nothing else has changed.

    Args:
        model: trained, float32, on the CPU; not changed.
        variant: what it is.
        ratio: of the channels that go, above 0 and below 1.

    Raises:
        VariantError: the ratio leaves all channels or none, the network is none that can be pruned,
            or its upsampler cannot have the width that is left, or is another function there.
    """
    if not 0 < ratio < 1:  # A NaN is neither.
        raise VariantError(f"the ratio of channels to prune is above 0 and below 1, not {ratio}")
    if not isinstance(model, LapSRN | MSLapSRN):
        raise VariantError(f"{variant.name} cannot be pruned: it is no LapSRN and no MS-LapSRN")
    width = round(model.width * (1 - ratio))
    if width in (0, model.width):
        left = "all" if width else "none"
        raise VariantError(f"a ratio of {ratio} leaves {left} of {model.width} channels")
    base, options = parse_name(variant.name) if "[" in variant.name else (variant.name, {})
    target = with_options(get_variant(base), {**options, "width": width})
    smaller, zeroed = build(target, model.scale).eval(), copy.deepcopy(model).eval()
    tensors = model.state_dict()
    axes = _axes(model, smaller.state_dict(), variant)
    kept = _strongest(tensors, axes, model.width, width)
    cut, zeros = {}, {}
    for name, tensor in tensors.items():
        cut[name] = zeros[name] = tensor
        for axis, group in axes[name].items():
            n = tensor.shape[axis]
            places = _places(kept[group], n // model.width)
            others = torch.ones(n, dtype=torch.bool).index_fill(0, places, value=False)
            cut[name] = cut[name].index_select(axis, places)
            zeros[name] = zeros[name].index_fill(axis, others.nonzero()[:, 0], 0)
    smaller.load_state_dict(cut)
    zeroed.load_state_dict(zeros)
    if not _are_same(smaller, zeroed):
        raise VariantError(
            f"{variant.name} cannot be pruned: of fewer channels its upsampler "
            f"{variant.upsampler} makes something else than of all with the others at zero"
        )
    return Pruned(target, smaller, zeroed)


def _axes(
    model: LapSRN | MSLapSRN, smaller: Mapping[str, Tensor], variant: Variant
) -> dict[str, dict[int, Group]]:
    """By tensor: its axes that run over channels, and over which: they differ between two widths.

    Args:
        model: the whole network.
        smaller: tensors of the one that is narrower.
        variant: for messages.
    """
    group_of = _groups(model)
    width = len(smaller["conv_in.bias"])
    found: dict[str, dict[int, Group]] = {}
    for name, tensor in model.state_dict().items():
        found[name] = {}
        for axis, (n, m) in enumerate(zip(tensor.shape, smaller[name].shape, strict=True)):
            if n == m:
                continue
            if n % model.width or n * width != m * model.width:
                raise VariantError(
                    f"{variant.name} cannot be pruned: {name} has {n} in its shape "
                    f"{tuple(tensor.shape)}, which is no multiple of the {model.width} channels"
                )
            found[name][axis] = group_of(name, axis)
    return found


def _groups(model: LapSRN | MSLapSRN) -> Callable[[str, int], Group]:
    """From a tensor's name and an axis of it to the channels that it runs over."""
    recursive = isinstance(model, MSLapSRN)
    prefixes = [""] if recursive else [f"levels.{n}." for n in range(model.max_levels)]
    joined: dict[Group, Group] = {}

    def first(group: Group) -> Group:
        while group in joined:
            group = joined[group]
        return group

    def join(one: Group, other: Group) -> None:
        if (one := first(one)) != (other := first(other)):
            joined[one] = other

    ends = {prefix: (prefix, model.depth) for prefix in prefixes}
    for index, prefix in enumerate(prefixes):
        # What the upsampler gives is read by the next level: of one block for all, by itself.
        following = prefixes[index + 1 :] or (prefixes if recursive else [])
        if following:
            join((following[0], 0), ends[prefix])
        for conv in model.upsampler_at(index).shares:
            join((prefix, conv - 1), ends[prefix])
            join((prefix, conv), ends[prefix])

    def group_of(name: str, axis: int) -> Group:
        if name.startswith("conv_in."):
            return first((prefixes[0], 0))
        if conv := _CONV.match(name):
            return first((conv["block"], int(conv["conv"]) + 1 - axis))
        # Of an upsampler, or of the residual convolution that reads what it gives.
        return first(ends[next(prefix for prefix in ends if name.startswith(prefix))])

    return group_of


def _strongest(
    tensors: Mapping[str, Tensor], axes: Mapping[str, Mapping[int, Group]], width: int, left: int
) -> dict[Group, Tensor]:
    """By group, which ``left`` of the ``width`` channels have the largest weights, ascending."""
    squares: dict[Group, Tensor] = {}
    for name, tensor in tensors.items():
        for axis, group in axes[name].items():
            mine = tensor.double().square().movedim(axis, 0).reshape(width, -1).sum(1)
            squares[group] = squares.get(group, torch.zeros_like(mine)) + mine
    # Stable: of equal channels the first ones stay, on every machine.
    return {
        group: strength.argsort(descending=True, stable=True)[:left].sort().values
        for group, strength in squares.items()
    }


def _places(channels: Tensor, each: int) -> Tensor:
    """Indices of channels on an axis that has ``each`` entries for every one, side by side."""
    return (channels[:, None] * each + torch.arange(each)).flatten()


def _are_same(smaller: SRModel, zeroed: SRModel) -> bool:
    y = torch.rand(1, 1, *_CHECKED, generator=torch.Generator().manual_seed(0)).double()
    with torch.inference_mode():
        found, expected = (copy.deepcopy(m).double().forward_levels(y) for m in (smaller, zeroed))
        errors = [(a - b).abs().max() / b.abs().max() for a, b in zip(found, expected, strict=True)]
    return all(float(error) <= TOLERANCE for error in errors)
