"""Manifests of shipped weights and summaries of trainings, as ``ship`` reads them."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.faults.base import (
    HOSTILE_TEXTS,
    HOSTILE_VALUES,
    Case,
    Rng,
    WrongError,
    mutated,
    places,
    replaced,
    took,
)
from tests.faults.generated import generated
from variants.weights.store import MANIFEST, find_shipped, weights_dir

NAME = "cms-lapsrn-conv3"
TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(HOSTILE_TEXTS))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)


def summary() -> dict[str, Any]:
    """How a network that ships was trained, as its training.json says it."""
    entry = find_shipped(NAME, 4)
    assert entry is not None
    validation = [{"step": 1, "4": 30.0}]
    return {**entry.training, "validation": validation}


def manifest() -> dict[str, Any]:
    entry = {"variant": "ms-lapsrn", "scales": [2, 4, 8], "file": "x.safetensors"}
    other = {"variant": "lapsrn", "scales": [2], "file": "y.safetensors"}
    known = {"sha256": "0" * 64, "training": {"recipe": "fast", "steps": 3}}
    return {"weights": [entry | known, other | known]}


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` files, each met by ``ship``."""
    rng = Rng(f"manifests {seed}")
    for value in generated(VALUES, seed, n):
        name, whole = rng.choice(((MANIFEST, manifest()), ("training.json", summary())))
        kind = rng.choice(("value", "value", "hostile", "whole", "bytes"))
        content = json.dumps(value).encode()
        told = "all of it"
        if kind in ("value", "hostile"):
            place = rng.choice(places(whole))
            new = value if kind == "value" else rng.choice((*HOSTILE_VALUES, ...))
            content = json.dumps(replaced(whole, place, new)).encode()
            told = f"{'.'.join(map(str, place))} = {ascii(new)[:60]}"
        elif kind == "bytes":
            told, content = mutated(rng, json.dumps(whole).encode())
        yield Case(f"{name}: {told}", _run(name, content))


def _run(name: str, content: bytes) -> Callable[[Path], bool]:
    def run(folder: Path) -> bool:
        trained, into = folder / "trained", folder / "into"
        trained.mkdir()
        into.mkdir()
        shutil.copy(weights_dir() / f"{NAME}.safetensors", trained)
        shutil.copy(weights_dir() / "logs" / f"{NAME}.csv", trained / "log.csv")
        (trained / "training.json").write_text(json.dumps(summary()), "utf-8")
        target = into if name == MANIFEST else trained
        (target / name).write_bytes(content)
        shipped = took("ship", trained, "--into", into)
        if not shipped and name == MANIFEST and (into / name).read_bytes() != content:
            raise WrongError("a manifest that was refused is another now")
        if shipped:
            rows = json.loads((into / MANIFEST).read_text("utf-8"))["weights"]
            if NAME not in [row["variant"] for row in rows]:
                raise WrongError("what was shipped is not in the manifest")
        return shipped

    return run
