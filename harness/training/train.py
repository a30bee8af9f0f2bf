"""Train a variant by a recipe: the entry point of the command line."""

import json
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from harness.backends import slowness
from harness.errors import ConfigError, ResultsError
from harness.networks.identity import BY_THIS_PROJECT
from harness.networks.weights import TOLD_OF_TRAINING, TRAINING_FILE
from harness.system.environment import git_commit
from harness.system.files import write_json
from harness.system.text import say
from harness.training.checkpoint import NAME, fingerprint
from harness.training.engine import make_fabric
from harness.training.images import list_images, read_lumas, split_images
from harness.training.initial import Start, initialise
from harness.training.loop import LOG_NAME, Loop, Outcome
from harness.training.patches import PatchBank, Pyramid
from harness.training.recipe import LARGEST_SEED, Data, Recipe, load_recipe
from harness.training.teacher import Teacher, load_teacher
from harness.training.validation import validation_set
from variants.backbones.base import n_levels
from variants.build import build
from variants.catalog import SCALES, Variant, get_variant
from variants.kernels import fast_kernels
from variants.weights.belongs import record
from variants.weights.files import save_weights


@dataclass(frozen=True)
class TrainedNetwork:
    """One finished network.

    Attributes:
        variant: its name.
        scales: those that it serves.
        weights: safetensors file with the averaged weights, float32.
        log: the CSV log.
        summary: how it was trained, as the manifest of shipped weights stores it.
    """

    variant: str
    scales: tuple[int, ...]
    weights: Path
    log: Path
    summary: dict[str, Any]


@dataclass(frozen=True)
class TrainResult:
    """What :func:`train` leaves: one network, or one per scale for LapSRN."""

    networks: tuple[TrainedNetwork, ...]


def train(
    variant: str,
    *,
    recipe: str | Path | Recipe = "fast",
    init: str | Path | None = None,
    out: Path,
    device: str = "auto",
    data_root: Path | None = None,
    images: Sequence[Path] | None = None,
    scale: int | None = None,
    seed: int | None = None,
    steps: int | None = None,
    progress: bool = True,
) -> TrainResult:
    """Train a variant, or resume where a stopped training left off in ``out``.

    Under ``torchrun`` every process calls this with the same arguments.

    Args:
        variant: a name of the catalog that has a network.
        recipe: a name of :func:`harness.training.recipe.list_recipes`, a YAML file, or a recipe.
        init: a weights file or a variant with shipped weights to start from; the recipe's own
            start when None.
        out: folder for checkpoint, log and weights; one folder per network.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        data_root: folder with the training sets; the environment's HARNESS_DATA when None.
        images: the training sets' files in their order, where they are known already.
        scale: for per-scale networks (LapSRN): which one; None trains 2x, 4x and 8x in turn, the
            larger ones starting from the 2x network's levels unless ``init`` says otherwise.
        seed: in place of the recipe's.
        steps: in place of the recipe's.
        progress: whether to print it.

    Raises:
        HarnessError, VariantError: one sentence that says what to mend.
    """
    chosen = get_variant(variant)
    if not chosen.has_network or chosen.brings_weights:
        raise ConfigError(f"{variant} has nothing to train")
    settled = settle(recipe, seed, steps)
    start = init if init is not None else settled.init
    paths = list_images(settled.data, data_root) if images is None else images
    run = _Run(settled, device, paths, progress)
    if not chosen.per_scale_weights:
        if scale not in (None, max(SCALES)):
            n_levels(scale or 0)
            raise ConfigError(f"{variant} is one network for 2x, 4x and 8x; leave the scale out")
        return TrainResult((run.network(chosen, max(SCALES), start, out),))
    if scale is not None:
        n_levels(scale)
        return TrainResult((run.network(chosen, scale, start, out),))
    networks: list[TrainedNetwork] = []
    for each in SCALES:
        first = networks[0].weights if networks and init is None else start
        networks.append(run.network(chosen, each, first, out / f"x{each}"))
    return TrainResult(tuple(networks))


def settle(recipe: str | Path | Recipe, seed: int | None, steps: int | None) -> Recipe:
    """A recipe, with another seed or number of steps where one is given.

    Raises:
        HarnessError, VariantError: there is no such recipe, or a number is out of range.
    """
    if steps is not None and steps < 1:
        raise ConfigError(f"steps must be at least 1, not {steps}")
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"seed must be from 0 to {LARGEST_SEED}, not {seed}")
    changes = {"seed": seed, "steps": steps}
    loaded = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    return loaded.model_copy(update={k: v for k, v in changes.items() if v is not None})


class _Run:
    """What the networks of one call share: recipe, engine and images."""

    def __init__(self, recipe: Recipe, device: str, images: Sequence[Path], progress: bool) -> None:
        self._recipe, self._progress = recipe, progress
        # Taken now: the checkout may move on while a long training runs the code it began with.
        self._commit = git_commit()
        self._split = split_images(images, recipe.data)
        self._fabric = make_fabric(device)
        shown = progress and self._fabric.is_global_zero
        note = slowness(["bfloat16"], self._fabric.device.type)
        if shown and note and recipe.precision == "bf16":
            say(f"Note: {note}.", err=True)
        least = min(batch.patch for batch in recipe.batches.values())
        training, held_out = tuple(self._split.training), tuple(self._split.validation)
        self._bank, self._held_out = prepared_images(training, held_out, recipe.data, least)

    def network(
        self, variant: Variant, scale: int, init: str | Path | None, folder: Path
    ) -> TrainedNetwork:
        """Train one network in a folder of its own."""
        recipe = self._recipe
        serves = [scale] if variant.per_scale_weights else list(SCALES)
        trained = [s for s in serves if s in recipe.batches]
        if not trained:
            raise ConfigError(f"recipe {recipe.name} has no batches for {scale}x")
        torch.manual_seed(recipe.seed)
        network = build(variant, scale)
        start = initialise(network, variant, scale, init)
        if start.warning and self._fabric.is_global_zero:
            say(f"Note: {start.warning}", err=True)
        asked = recipe.distillation
        teacher = None if asked is None else load_teacher(asked, trained)
        digests = sorted(set(teacher.sha256.values())) if teacher else []
        images = [path.name for path in (*self._split.training, *self._split.validation)]
        loop = Loop(
            network,
            recipe,
            trained=trained,
            validated=serves,
            bank=self._bank,
            held_out=self._held_out,
            folder=folder,
            identity=fingerprint(variant.name, scale, recipe, start.digest, images, digests),
            belongs=record(variant, scale),
            teacher=teacher,
            fabric=self._fabric,
            title=f"{recipe.name} {variant.name} {'+'.join(f'{s}x' for s in trained)}",
            shown=self._progress,
        )
        with self._alone_in(folder), _writing_to(folder), fast_kernels():
            return self._finish(variant, scale, serves, loop.run(), start, teacher, folder)

    @contextmanager
    def _alone_in(self, folder: Path) -> Iterator[None]:
        """Create the folder and keep other trainings out of it."""
        if not self._fabric.is_global_zero:
            yield
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / ".lock")
            lock.acquire(blocking=False)
        except Timeout:
            raise ConfigError(f"another training is running in {folder}") from None
        except OSError as error:
            raise ConfigError(f"cannot write to {folder}: {error}") from error
        try:
            yield
        finally:
            lock.release()

    def _finish(
        self,
        variant: Variant,
        scale: int,
        scales: Sequence[int],
        outcome: Outcome,
        start: Start,
        teacher: Teacher | None,
        folder: Path,
    ) -> TrainedNetwork:
        recipe = self._recipe
        summary = {
            "recipe": recipe.name,
            "settings": recipe.model_dump(mode="json"),
            "init": start.note,
            "steps": outcome.steps,
            "wall_time_s": round(outcome.wall_s, 1),
            "seed": recipe.seed,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "training_set": " + ".join(recipe.data.sets),
            "training_images": len(self._split.training),
            "validation_images": [path.name for path in self._split.validation],
            "validation": outcome.curve,
            "git_commit": self._commit,
            "software": _software(self._fabric.device),
        }
        if teacher is not None:
            summary["teacher"] = teacher.told()
        if start.earlier:
            summary["earlier"] = list(start.earlier)
        path = folder / _file_name(variant, scale)
        if self._fabric.is_global_zero:
            # Nothing that differs from day to day: equal trainings give equal files.
            told = {key: summary[key] for key in TOLD_OF_TRAINING if key in summary}
            origin = {
                "origin": f"{BY_THIS_PROJECT}, recipe {recipe.name}, {start.note}",
                "training": json.dumps(told, sort_keys=True),
            }
            save_weights(outcome.network.cpu(), path, variant, scale, origin)
            write_json(folder / TRAINING_FILE, summary)
        self._fabric.barrier()
        return TrainedNetwork(variant.name, tuple(scales), path, folder / LOG_NAME, summary)


@lru_cache(maxsize=1)
def prepared_images(
    training: tuple[Path, ...], held_out: tuple[Path, ...], data: Data, least: int
) -> tuple[PatchBank, list[Pyramid]]:
    """Training and validation images, decoded and resized: a plan's next training has them, too."""
    bank = PatchBank(read_lumas(training), data.rescale, least, data.full_range)
    return bank, validation_set(read_lumas(held_out))


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    """A full disk and its like as one sentence that says what is kept."""
    try:
        yield
    except BrokenPipeError:
        raise  # Whoever read our output has gone; the folder is fine.
    except OSError as error:
        kept = (
            f"the training up to {folder / NAME} is kept"
            if (folder / NAME).is_file()
            else "no checkpoint was written yet, so it starts again"
        )
        raise ResultsError(
            f"cannot write to {folder}: {error.strerror or error}; {kept}. Free some space, then "
            "run the same command again."
        ) from error


def _software(device: torch.device) -> dict[str, str]:
    """Versions and the kind of device."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        **{name: version(name) for name in ("numpy", "lightning-fabric")},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": str(torch.get_num_threads()),
    }


def _file_name(variant: Variant, scale: int) -> str:
    return (
        f"{variant.name}-x{scale}.safetensors"
        if variant.per_scale_weights
        else (f"{variant.name}.safetensors")
    )
