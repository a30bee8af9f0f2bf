"""Validation curves of the trainings whose weights ship."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from harness.jobs.base import Record
from harness.jobs.quality.kind import KIND as QUALITY
from harness.system.stored import as_number


@dataclass(frozen=True)
class Curve:
    """Validation PSNR during one training: (steps, dB) by scale."""

    name: str
    points: Mapping[int, tuple[tuple[float, float], ...]]


_SCALE = re.compile(r"(?:psnr_)?(?P<scale>\d+)x?")


def read_curves(records: Sequence[Record]) -> list[Curve]:
    """Curves of the shipped weights that the run evaluated, known by their content."""
    used = {record.spec.weights.sha256 for record in QUALITY.records(records)}
    entries = [entry for entry in manifest() if entry.get("sha256") in used - {None}]
    shipped = [_of_manifest(entry) for entry in entries]
    return [curve for curve in shipped if curve is not None]


@cache
def manifest() -> tuple[Mapping[str, Any], ...]:
    """Entries of the shipped weights' manifest, and of those that shipped before them.

    None where it is missing or damaged.

    Read here and not through the loader, which can reach torch. A damaged manifest is the
    loader's to complain about: a report needs none.
    """
    try:
        text = files("variants").joinpath("weights", "manifest.json").read_text("utf-8")
        rows = json.loads(text)["weights"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return with_earlier(row for row in rows if isinstance(row, Mapping))


def with_earlier(entries: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Entries, and one for each stage before: a results folder may tell its SHA-256 and no more."""
    entries = tuple(entries)
    return (*entries, *(before for entry in entries for before in _before(entry)))


def _before(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A network's earlier stages as entries, those that tell their weights' SHA-256."""
    training = entry.get("training")
    earlier = training.get("earlier") if isinstance(training, Mapping) else None
    stages = [*(earlier if isinstance(earlier, list) else ()), training]
    for n, (stage, following) in enumerate(pairwise(stages)):
        if not (isinstance(stage, Mapping) and isinstance(following, Mapping)):
            continue
        if goes_on(entry.get("variant"), following) and stage.get("sha256"):
            told = {**stage, "earlier": stages[:n]}
            yield {**entry, "sha256": stage["sha256"], "training": told}


def goes_on(variant: object, training: Mapping[str, Any]) -> bool:
    """Whether a training started from weights of the network that it trains."""
    return str(training.get("init") or "").startswith(f"from {variant} at ")


def _of_manifest(entry: Mapping[str, Any]) -> Curve | None:
    training = entry.get("training")
    points = _of_stages(training) if isinstance(training, Mapping) else {}
    if not points:
        return None
    variant = str(entry["variant"])
    # One network per scale, one curve per network.
    mine = [other.get("scales") for other in manifest() if other.get("variant") == variant]
    several = any(scales != entry.get("scales") for scales in mine)
    scales = "/".join(f"{scale}x" for scale in entry.get("scales") or ())
    return Curve(f"{variant} {scales}" if several and scales else variant, points)


def _of_stages(training: Mapping[str, Any]) -> dict[int, tuple[tuple[float, float], ...]]:
    """Points of a training and of those before it, in steps from the first one's start."""
    earlier = training.get("earlier")
    stages = [*(earlier if isinstance(earlier, list) else ()), training]
    points: dict[int, tuple[tuple[float, float], ...]] = {}
    done = 0.0
    for stage in stages:
        if not isinstance(stage, Mapping):
            continue
        for scale, found in _points(stage.get("validation")).items():
            points[scale] = (
                *points.get(scale, ()),
                *((done + step, psnr_db) for step, psnr_db in found),
            )
        done += as_number(stage.get("steps")) or 0.0
    return points


def _points(rows: Any) -> dict[int, tuple[tuple[float, float], ...]]:
    """(step, dB) by scale, in the order of steps; rows that are not of this form are left out.

    A row holds its step, and dB by scale either under ``psnr_y`` or as ``psnr_2x``, ``psnr_4x``.
    """
    found: dict[int, dict[float, float]] = {}
    for row in rows if isinstance(rows, list) else ():
        step = as_number(row.get("step")) if isinstance(row, Mapping) else None
        if step is None:
            continue
        nested = row.get("psnr_y")
        values = nested if isinstance(nested, Mapping) else row
        for name, value in values.items():
            match = _SCALE.fullmatch(str(name))
            psnr = as_number(value)
            if match and psnr is not None:
                found.setdefault(int(match["scale"]), {})[step] = psnr
    return {scale: tuple(sorted(points.items())) for scale, points in sorted(found.items())}
