"""Lower precision through torch's autocast."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import torch

from variants import processor


def cast(dtype: str, device: str) -> AbstractContextManager[object]:
    """A context in which convolutions compute in a dtype given by name, such as ``bfloat16``."""
    if dtype == "float32":
        return nullcontext()
    return torch.autocast(device, dtype=getattr(torch, dtype))


def slowness(dtypes: Iterable[str], device: str) -> str | None:
    """A sentence on those dtypes that are slower than float32 on ``"cpu"`` or ``"cuda"``, if any.

    They are for whoever asks for them: they lose what they lose in PSNR, and gain nothing here.
    """
    slow = [name for name in dtypes if not processor.is_native(getattr(torch, name), device)]
    if not slow:
        return None
    what = "processor" if device == "cpu" else "GPU"
    return (
        f"this {what} has no arithmetic of its own for {' and '.join(slow)}, which may take ten "
        "times as long as float32 here"
    )
