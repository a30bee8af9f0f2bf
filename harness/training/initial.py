"""Where weights start: from random numbers, another network, or a smaller scale."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.errors import ConfigError
from harness.networks.weights import TRAINING_FILE
from harness.system.files import read_regular, sha256_of
from variants.backbones.base import SRModel
from variants.backbones.lapsrn import LapSRN
from variants.backbones.ms_lapsrn import MSLapSRN
from variants.catalog import Variant, known_models
from variants.errors import WeightsError
from variants.weights.belongs import Claim, differences
from variants.weights.files import fit, oddity, shown
from variants.weights.foreign import read_any
from variants.weights.store import find_shipped, shipped_weights

_LEVEL = re.compile(
    r"levels\.(?P<level>\d{1,3})\.(?P<rest>convs\.(?P<conv>\d{1,3})\.(?P<part>\w+)|(?!convs\.).+)",
    re.ASCII,
)


@dataclass(frozen=True)
class Start:
    """Where a training starts.

    Attributes:
        note: a sentence for the manifest.
        digest: what identifies the start.
        warning: for the user, how the network that the weights belong to differs; empty if it does
            not.
        earlier: summaries of the trainings that led to the weights, the first one first; empty
            where they start from random numbers or where nothing tells how they were trained.
    """

    note: str = "from scratch"
    digest: str = "scratch"
    warning: str = ""
    earlier: tuple[dict[str, Any], ...] = ()


def initialise(network: SRModel, variant: Variant, scale: int, init: str | Path | None) -> Start:
    """Set a freshly built network's weights.

    Args:
        network: of the variant, built for ``scale``.
        variant: what the network is.
        scale: a per-scale network may start from one of a smaller scale, level by level.
        init: a weights file of any known format, the name of a variant that ships weights, or None.

    Raises:
        ConfigError: neither a file nor a variant with weights.
        WeightsError: the weights do not fit.
    """
    if init is None:
        return Start()
    path = _locate(init, scale)
    content = read_any(path)
    tensors = dict(content.tensors)
    digest = _digest(tensors, str(path))
    if isinstance(network, LapSRN) and any(name.startswith("levels.") for name in tensors):
        tensors = _levels_from(tensors, network, str(path))
    kernel = {key: tensors.get(f"upsampler.{key}") for key in ("weight", "bias")}
    theirs = (content.claim.architecture or {}).get("upsampler", variant.upsampler)
    tensors, left_out = _same_names(tensors, network, other=theirs != variant.upsampler)
    fit(network, tensors, str(path))
    near = left_out and _near_kernel(network, content.claim, **kernel)
    told = content.metadata
    note = f"from {told.get('variant', path.name)}"
    note += f" at {told['scale']}x" if "scale" in told else ""
    if "pruned_from" in told:
        note += f", pruned from {told['pruned_from']:.200}"
    if left_out:
        fresh = "as near as can be to its transposed convolution" if near else "fresh"
        note += f"; {fresh}: {', '.join(left_out)}"
    # Allowed, unlike where a network is measured: the training makes the weights its own.
    # LapSRN's levels are laid out anew for each scale, so its depth tells nothing.
    told_differing = () if variant.per_scale_weights else differences(content.claim, variant, scale)
    differing = "; ".join(told_differing)
    warning = f"{variant.name} starts {note}, another network: {differing}" if differing else ""
    return Start(note, digest, warning, _stages_of(path))


def _stages_of(weights: Path) -> tuple[dict[str, Any], ...]:
    """Summaries of the trainings that led to a file: shipped, or with the summary beside it.

    The last one says the file's SHA-256, so that what was measured with it can still be told.
    """
    digest = sha256_of(weights)
    shipped = [entry.training for entry in shipped_weights() if entry.sha256 == digest]
    summary = shipped[0] if shipped else None
    # A folder holds one training; a file that was copied elsewhere tells nothing.
    if summary is None and sorted(weights.parent.glob("*.safetensors")) == [weights]:
        try:
            summary = json.loads(read_regular(weights.with_name(TRAINING_FILE)))
        except (OSError, ValueError, RecursionError):
            return ()
    if not isinstance(summary, dict):
        return ()
    last = dict(summary)
    earlier = last.pop("earlier", ())
    return (*(stage for stage in earlier if isinstance(stage, dict)), {**last, "sha256": digest})


def _locate(init: str | Path, scale: int) -> Path:
    # A folder may well be called like a variant; a file that is called so is meant.
    known = str(init) in known_models()
    if os.path.lexists(init) and not (known and Path(init).is_dir()):
        return Path(init)
    if not known:
        raise ConfigError(f"initial weights {init}: there is no such file, and no such variant")
    for candidate in (scale, 8, 4, 2):
        shipped = find_shipped(str(init), candidate)
        if shipped:
            return shipped.path
    raise ConfigError(f"initial weights: none ship for {init} yet; train it, or pass a file")


def _digest(tensors: dict[str, Tensor], source: str) -> str:
    from hashlib import sha256

    digest = sha256()
    for name in sorted(tensors):
        if reason := oddity(tensors[name]):
            raise WeightsError(f"{source}: {shown(name)} {reason}")
        digest.update(name.encode(errors="backslashreplace"))
        digest.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _levels_from(tensors: dict[str, Tensor], network: LapSRN, source: str) -> dict[str, Tensor]:
    """Copy the last level that a file has to the levels that it lacks.

    A shallower level keeps the first convolutions and the last one, which sees the upsampler.
    """
    found = {name: match for name in tensors if (match := _LEVEL.fullmatch(name))}
    stored = max((int(match["level"]) for match in found.values()), default=None)
    convs = [int(match["conv"]) for match in found.values() if match["conv"]]
    if stored is None or not convs:
        raise WeightsError(f"{source} does not fit this network: its levels have no convolutions")
    depth = 1 + max(convs)
    kept = [*range(network.depth - 1), depth - 1] if network.depth < depth else list(range(depth))
    # What looks like a level and is none stays, for the fit to name it.
    result = {name: value for name, value in tensors.items() if name not in found}
    for level in range(network.max_levels):
        for name, match in found.items():
            rest = match["rest"]
            if int(match["level"]) != min(level, stored):
                continue
            if match["conv"]:
                if int(match["conv"]) not in kept:
                    continue
                rest = f"convs.{kept.index(int(match['conv']))}.{match['part']}"
            result[f"levels.{level}.{rest}"] = tensors[name].clone()
    return result


def _near_kernel(
    network: SRModel, claim: Claim, weight: Tensor | None, bias: Tensor | None
) -> bool:
    """Start an upsampler of another kind from the transposed convolution of the initial weights.

    Returns:
        Whether there was one, and the upsampler knows how to come near it.
    """
    if not isinstance(network, MSLapSRN) or claim.architecture is None:
        return False
    if weight is None or bias is None:
        return False
    if claim.architecture.get("upsampler") != "transposed":
        return False
    return network.upsampler.start_from(weight.float(), bias.float(), network.block)


def _same_names(
    tensors: dict[str, Tensor], network: SRModel, *, other: bool
) -> tuple[dict[str, Tensor], list[str]]:
    """What a network of another upsampler can use; the upsampler itself stays fresh if absent.

    Of an ``other`` kind of upsampler that is the bias alone: what else is called alike is not.
    """
    own = network.state_dict()

    def usable(name: str, value: Tensor) -> bool:
        if not _is_of_upsampler(name):
            return True
        if name not in own:
            return False
        alike = name.endswith("upsampler.bias") and value.shape == own[name].shape
        return alike or not other

    wanted = {k: v for k, v in tensors.items() if usable(k, v)}
    missing = [k for k in own if k not in wanted and _is_of_upsampler(k)]
    wanted.update({k: own[k] for k in missing})
    return wanted, missing


def _is_of_upsampler(name: str) -> bool:
    """Whether a tensor is one of the feature upsampler: not of ``image_upsampler``."""
    return "upsampler" in name.split(".")
