"""Put finished trainings into the ``variants`` package."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DataError, ResultsError
from harness.networks.weights import TRAINING_FILE
from harness.system.files import read_regular, sha256_of, write_atomically, write_json
from harness.training.log import read_log
from harness.training.loop import LOG_NAME
from harness.training.plan import weights_in
from variants.build import build
from variants.catalog import SCALES, get_variant
from variants.weights.belongs import read_claim
from variants.weights.files import load_weights, read_weights
from variants.weights.store import MANIFEST

LOGS = "logs"
CURVE_POINTS = 12


@dataclass(frozen=True)
class Finished:
    """One finished training: its weights, their variant and scales, and how it was trained."""

    weights: Path
    variant: str
    scales: tuple[int, ...]
    training: dict[str, Any]

    @property
    def log(self) -> Path:
        return self.weights.with_name(LOG_NAME)


def find_finished(runs: Path) -> list[Finished]:
    """Finished trainings in a folder or in its subfolders, in the folders' order.

    Raises:
        DataError: a log or a summary is missing or damaged, or a file names no variant.
        WeightsError: a file is damaged, or does not fit the variant that it names.
    """
    folders = [runs, *sorted(path for path in runs.iterdir() if path.is_dir())]
    return [_inspect(weights) for folder in folders if (weights := weights_in(folder))]


def _inspect(weights: Path) -> Finished:
    _, metadata = read_weights(weights)
    scale = read_claim(metadata, str(weights)).scale
    if scale is None or "variant" not in metadata:
        raise DataError(f"{weights} does not say which variant and scale it is for")
    variant = get_variant(metadata["variant"])
    # What does not load must not ship.
    load_weights(build(variant, scale), weights, variant, scale)
    scales = (scale,) if variant.per_scale_weights else SCALES
    finished = Finished(weights, variant.name, scales, _summary(weights))
    if not read_log(finished.log):
        raise DataError(f"{finished.log} is missing or holds no row")
    return finished


def _summary(weights: Path) -> dict[str, Any]:
    """How a network was trained, by the file beside its weights."""
    path = weights.with_name(TRAINING_FILE)
    try:
        training = json.loads(read_regular(path))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    curve = training.get("validation") if isinstance(training, dict) else None
    if not isinstance(curve, list):
        raise DataError(f"{path} is damaged: it has no list `validation`")
    return dict(training)


def ship(runs: Path, into: Path) -> list[str]:
    """Copy finished weights and logs into a folder and enter them into its manifest.

    Args:
        runs: a training's folder, or a folder of such folders.
        into: ``variants/weights`` of a checkout.

    Returns:
        The names of the shipped files.

    Raises:
        DataError: nothing is finished there, or something is damaged.
        ResultsError: the folder cannot be written.
        WeightsError: as :func:`find_finished`.
    """
    if not runs.is_dir():
        raise DataError(f"there is no folder {runs}")
    finished = find_finished(runs)
    if not finished:
        raise DataError(f"no finished training in {runs}")
    try:
        _copy(finished, into)
    except OSError as error:
        raise ResultsError(f"cannot write to {into}: {error.strerror or error}") from error
    return [each.weights.name for each in finished]


def _copy(finished: list[Finished], into: Path) -> None:
    manifest = into / MANIFEST
    try:
        rows = json.loads(manifest.read_text("utf-8"))["weights"] if manifest.is_file() else []
        entries = {(row["variant"], tuple(row["scales"])): row for row in rows}
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"{manifest} is damaged; restore it, for it would be replaced") from error
    (into / LOGS).mkdir(parents=True, exist_ok=True)
    for each in finished:
        target = into / each.weights.name
        write_atomically(target, each.weights.read_bytes())
        _keep_log(into / LOGS / f"{each.weights.stem}.csv", len(each.training.get("earlier", ())))
        write_atomically(into / LOGS / f"{each.weights.stem}.csv", each.log.read_bytes())
        entries[each.variant, each.scales] = {
            "variant": each.variant,
            "scales": list(each.scales),
            "file": target.name,
            "sha256": sha256_of(target),
            "training": _in_short(each.training),
        }
    ordered = [entries[key] for key in sorted(entries)]
    write_json(manifest, {"weights": ordered})


def _keep_log(log: Path, stage: int) -> None:
    """Give the log of the stage before its number, where there is such a stage and a log."""
    if stage and log.is_file() and not (kept := log.with_stem(f"{log.stem}-stage{stage}")).exists():
        write_atomically(kept, log.read_bytes())


def _in_short(training: dict[str, Any]) -> dict[str, Any]:
    """A training and those before it, each with some points of its curve."""
    found = {**training, "validation": _short(training["validation"])}
    if earlier := training.get("earlier"):
        found["earlier"] = [
            {**stage, "validation": _short(stage.get("validation", []))} for stage in earlier
        ]
    return found


def _short(curve: list[dict[str, float]]) -> list[dict[str, float]]:
    """At most ``CURVE_POINTS`` points, evenly spread, the last included; the log has them all."""
    every = -(-len(curve) // CURVE_POINTS)
    return curve[::-1][:: max(1, every)][::-1]
