"""Where weights start: from random numbers, another network, or a smaller scale."""

from pathlib import Path

import torch
from torch import Tensor

from harness.errors import ConfigError
from variants.backbones.base import SRModel
from variants.backbones.lapsrn import LapSRN
from variants.catalog import list_models
from variants.weights.files import fit, read_weights
from variants.weights.store import find_shipped


def initialise(network: SRModel, scale: int, init: str | Path | None) -> tuple[str, str]:
    """Set a freshly built network's weights.

    Args:
        network: of any variant, built for ``scale``.
        scale: a per-scale network may start from one of a smaller scale, level by level.
        init: a weights file, the name of a variant that ships weights, or None.

    Returns:
        ``(note, digest)``: a sentence for the manifest, and what identifies the start.

    Raises:
        ConfigError: neither a file nor a variant with weights.
        WeightsError: the weights do not fit.
    """
    if init is None:
        return "from scratch", "scratch"
    path = _locate(init, scale)
    tensors, metadata = read_weights(path)
    digest = _digest(tensors)
    if isinstance(network, LapSRN) and any(name.startswith("levels.") for name in tensors):
        tensors = _levels_from(tensors, network)
    tensors, left_out = _same_names(tensors, network)
    fit(network, tensors, str(path))
    note = f"from {metadata.get('variant', path.name)} at {metadata.get('scale', '?')}x"
    return f"{note}; fresh: {', '.join(left_out)}" if left_out else note, digest


def _locate(init: str | Path, scale: int) -> Path:
    if Path(init).is_file():
        return Path(init)
    if str(init) not in list_models():
        raise ConfigError(f"initial weights {init}: there is no such file, and no such variant")
    for candidate in (scale, 8, 4, 2):
        shipped = find_shipped(str(init), candidate)
        if shipped:
            return shipped.path
    raise ConfigError(f"initial weights: none ship for {init} yet; train it, or pass a file")


def _digest(tensors: dict[str, Tensor]) -> str:
    from hashlib import sha256

    digest = sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _levels_from(tensors: dict[str, Tensor], network: LapSRN) -> dict[str, Tensor]:
    """Copy the last level that a file has to the levels that it lacks.

    A shallower level keeps the first convolutions and the last one, which sees the upsampler.
    """
    stored = sorted({int(k.split(".")[1]) for k in tensors if k.startswith("levels.")})
    depth = 1 + max(int(k.split(".")[3]) for k in tensors if ".convs." in k)
    kept = [*range(network.depth - 1), depth - 1] if network.depth < depth else list(range(depth))
    result = {k: v for k, v in tensors.items() if not k.startswith("levels.")}
    for level in range(network.max_levels):
        source = f"levels.{min(level, stored[-1])}."
        for key, value in tensors.items():
            if not key.startswith(source):
                continue
            rest = key.removeprefix(source)
            if rest.startswith("convs."):
                _, index, name = rest.split(".")
                if int(index) not in kept:
                    continue
                rest = f"convs.{kept.index(int(index))}.{name}"
            result[f"levels.{level}.{rest}"] = value.clone()
    return result


def _same_names(
    tensors: dict[str, Tensor], network: SRModel
) -> tuple[dict[str, Tensor], list[str]]:
    """What a network of another upsampler can use; the upsampler itself stays fresh if absent."""
    own = network.state_dict()
    wanted = {k: v for k, v in tensors.items() if k in own or "upsampler." not in k}
    missing = [k for k in own if k not in wanted and "upsampler." in k]
    wanted.update({k: own[k] for k in missing})
    return wanted, missing
