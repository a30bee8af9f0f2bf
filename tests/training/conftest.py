"""A recipe that trains in a second or two on embedded images."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray

from harness.images.imresize import imresize
from harness.training.images import read_lumas
from harness.training.train import prepared_images

TINY: dict[str, Any] = {
    "name": "tiny",
    "summary": "for tests",
    "steps": 6,
    "batches": {
        2: {"images": 2, "patch": 16},
        4: {"images": 2, "patch": 16},
        8: {"images": 2, "patch": 16},
    },
    "data": {"sets": ["embedded"], "hold_out_every": 5, "rescale": [1.0]},
    "optimizer": {"kind": "muon", "lr": 0.01},
    "schedule": {"kind": "cosine", "warmup": 2},
    "precision": "float32",
    "ema": 0.5,
    "log_every": 2,
    "validate_every": 6,
    "checkpoint_seconds": 0,
}

MakeRecipe = Callable[..., Path]


@pytest.fixture
def tiny(tmp_path: Path) -> MakeRecipe:
    """Writes a small recipe file, with some keys replaced."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump({**TINY, **changes}), "utf-8")
        return path

    return write


@pytest.fixture(autouse=True)
def _fast_and_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One thread, as these networks are tiny; the embedded images are decoded once."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr("harness.training.train.read_lumas", _lumas)
    prepared_images.cache_clear()
    yield
    prepared_images.cache_clear()
    torch.set_num_threads(threads)


@cache
def _lumas(paths: tuple[Path, ...]) -> list[NDArray[np.float64]]:
    # A quarter of the size: what is tested does not depend on it.
    return [imresize(y, 0.25) for y in read_lumas(paths)]
