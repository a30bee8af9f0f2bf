"""Recipes of training: as configurations, read and never trained."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.training.recipe import load_recipe
from tests.faults import yaml
from tests.faults.base import Case, opens

GOOD: dict[str, Any] = {
    "name": "mine",
    "summary": "Mine.",
    "steps": 100,
    "per_step": "one",
    "batches": {2: {"images": 2, "patch": 32, "share": 1.0}, 4: {"images": 2, "patch": 32}},
    "data": {"sets": ["embedded"], "hold_out_every": 5, "rescale": [1.0], "full_range": 0.2},
    "loss": {"eps": 1e-6, "reduction": "mean"},
    "optimizer": {"kind": "adam", "lr": 1e-3, "betas": [0.9, 0.99]},
    "schedule": {"kind": "cosine", "warmup": 5, "final": 0.0},
    "clip": 1.0,
    "ema": 0.9,
    "precision": "float32",
    "seed": 0,
    "log_every": 10,
    "validate_every": 50,
    "checkpoint_seconds": 10.0,
    "init": None,
    "distillation": {"teacher": "ms-lapsrn", "network": None, "weight": 0.5},
}


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` recipes."""

    def run(content: bytes) -> Callable[[Path], bool]:
        def inside(folder: Path) -> bool:
            path = folder / "recipe.yaml"
            path.write_bytes(content)
            return opens(lambda: load_recipe(str(path)))

        return inside

    yield from yaml.cases(seed + 1000, n, GOOD, run)
