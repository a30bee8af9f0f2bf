"""Lower precision through torch's autocast."""

from contextlib import AbstractContextManager, nullcontext

import torch


def cast(dtype: str, device: str) -> AbstractContextManager[object]:
    """A context in which convolutions compute in a dtype given by name, such as ``bfloat16``."""
    if dtype == "float32":
        return nullcontext()
    return torch.autocast(device, dtype=getattr(torch, dtype))
