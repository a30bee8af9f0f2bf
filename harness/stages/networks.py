"""Building the network that a job names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from harness.errors import HarnessError
from variants.backbone import SRModel
from variants.catalog import get_variant
from variants.factory import build


def load_network(spec: Mapping[str, Any], weights: str | None, device: str) -> SRModel:
    """The job's network in evaluation mode, channels last, with weights if a file is given.

    Raises:
        HarnessError: the catalog no longer holds the architecture that the job was planned for,
            or the weights file changed since.
        WeightsError: the file cannot be read or does not fit.
    """
    variant, scale = get_variant(spec["variant"]["name"]), int(spec["scale"])
    if variant.architecture(scale) != spec["variant"]["architecture"]:
        raise HarnessError(f"{variant.name} is no longer what this job was planned for")
    torch.manual_seed(0)  # Unweighted networks are timed, too: the same values every time.
    model = build(variant, scale)
    if weights is not None:
        from variants.weights.files import sha256_of
        from variants.weights.foreign import load_any

        path = Path(weights)
        load_any(model, path, variant, scale)
        if sha256_of(path) != spec["weights"]["sha256"]:
            raise HarnessError(f"{path} changed while the run was going on; run it again")
    # PyTorch's default layout is the slow one: measured 71 against 132 GFLOP/s on a CPU.
    model.eval().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model
