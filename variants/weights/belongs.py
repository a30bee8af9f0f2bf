"""Which network a weights file belongs to, and the check that refuses others. Imports no torch.

The convolution whose weights are shared, recursions and crop leave no trace in the names and shapes
of tensors: such weights fit a network that computes something else. So files carry a record of what
they belong to, and every way into a network passes :func:`check_belongs`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from variants.catalog import Variant
from variants.errors import WeightsError

FORMAT = "lapsrn-harness/1"
_OURS = "lapsrn-harness/"
_SCALES = ("2", "4", "8")


@dataclass(frozen=True)
class Claim:
    """What a file says of the network that its weights belong to; None where it says nothing.

    Attributes:
        architecture: as :meth:`variants.catalog.Variant.architecture` gives it.
        scale: the scale that the network was built for.
        recursions: R of an MS-LapSRN, where that alone is known.
    """

    architecture: Mapping[str, Any] | None = None
    scale: int | None = None
    recursions: int | None = None


def record(variant: Variant, scale: int) -> dict[str, str]:
    """The record for a file's metadata."""
    return {
        "format": FORMAT,
        "variant": variant.name,
        "scale": str(scale),
        "architecture": json.dumps(variant.architecture(scale), sort_keys=True),
    }


def read_claim(metadata: Mapping[str, str], source: str) -> Claim:
    """What a file's metadata claim.

    Another program's metadata may use the same words; only what can be ours counts.

    Raises:
        WeightsError: the metadata are ours and damaged.
    """
    ours = metadata.get("format", "").startswith(_OURS)
    architecture = _architecture(metadata.get("architecture", ""))
    if ours and (architecture is None or metadata["format"] != FORMAT):
        raise WeightsError(
            f"{source}: its record of the network that it belongs to is damaged or of another "
            "version; save or import the weights again"
        )
    scale = metadata.get("scale", "")
    return Claim(architecture, int(scale) if scale in _SCALES else None)


def _architecture(text: str) -> dict[str, Any] | None:
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        return None
    needed = {"backbone": str, "backbone_options": dict, "upsampler_options": dict, "crop": str}
    if not isinstance(stored, dict):
        return None
    fits = all(isinstance(stored.get(key), kind) for key, kind in needed.items())
    return stored if fits else None


def check_belongs(claim: Claim, variant: Variant, scale: int, source: str) -> None:
    """Refuse weights of another network.

    Raises:
        WeightsError: the claim is of another scale, number of recursions or architecture.
    """
    if variant.per_scale_weights and claim.scale not in (None, scale):
        raise WeightsError(f"{source} holds a {claim.scale}x network, not {scale}x")
    found = differences(claim, variant, scale)
    if found:
        raise WeightsError(
            f"{source} holds weights of another network than {variant.name} at {scale}x: "
            f"{'; '.join(found)}"
        )


def differences(claim: Claim, variant: Variant, scale: int) -> list[str]:
    """How a claim differs from a network, in words; empty where it does not."""
    own = variant.options_at(scale).get("recursions")
    if None not in (claim.recursions, own) and claim.recursions != own:
        choice = f"choose the variant with {claim.recursions}"
        return [f"{claim.recursions} recursions where {variant.name} has {own}; {choice}"]
    if claim.architecture is None:
        return []
    stored = _flat(claim.architecture)
    wanted = _flat(json.loads(json.dumps(variant.architecture(scale))))
    return [
        f"{key} is {stored.get(key)} in the file and {wanted.get(key)} in the network"
        for key in sorted({*stored, *wanted})
        if stored.get(key) != wanted.get(key)
    ]


def _flat(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """Options beside the parts that they are of: ``upsampler_options.conv``."""
    flat: dict[str, Any] = {}
    for key, value in architecture.items():
        inner = value.items() if isinstance(value, Mapping) else None
        flat |= {key: value} if inner is None else {f"{key}.{name}": v for name, v in inner}
    return flat
