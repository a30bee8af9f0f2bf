"""The device, its precision and the processes, through Lightning Fabric."""

import logging
import os
import warnings

import torch
from lightning_fabric import Fabric

from harness.errors import ConfigError
from harness.system.malloc import keep_freed_memory
from variants import processor

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolved(device: str) -> str:
    """The kind of device that is meant, without a number; ``auto`` is a GPU where there is one."""
    kind = device.partition(":")[0]
    if kind == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return kind


def make_fabric(device: str) -> Fabric:
    """A launched Fabric: one process, or all those that ``torchrun`` started.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """
    kind, index = resolved(device), device.partition(":")[2]
    if kind not in DEVICES or (index and not index.isdigit()):
        raise ConfigError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda was asked for, and torch sees no CUDA device")
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if kind == "cpu":
        keep_freed_memory()
    # It recommends what we decide by the recipe: a lower precision of float32 products.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fabric = Fabric(
            accelerator=kind,
            devices=[int(index)] if index and kind == "cuda" and world == 1 else local,
            num_nodes=world // local,
            strategy="ddp" if world > 1 else "auto",
        )
        fabric.launch()
    return fabric


def wants_bf16(precision: str, kind: str) -> bool:
    """Whether a recipe's ``auto``, ``bf16`` or ``float32`` means bf16 on a kind of device.

    ``auto`` never chooses what is slower than float32.
    """
    return precision == "bf16" or (
        precision == "auto" and processor.is_native(torch.bfloat16, kind)
    )
