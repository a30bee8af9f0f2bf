"""One training of a plan as a job, so that any executor runs it: in turn, in workers, on a cluster.

On this machine a training writes into the plan's folder, checkpoint included. On another one it
keeps its checkpoint in that machine's cache, so that a second try goes on there; what it leaves
comes back when it is finished.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.jobs.base import Job, Record
from harness.jobs.execute import recorded
from harness.jobs.specs import Spec
from harness.networks.identity import network_identity
from harness.networks.weights import TRAINING_FILE, Weights
from harness.system.cache import cache_folder
from harness.system.files import make_folder, sha256_of
from harness.system.plugins import as_inputs
from harness.system.stored import Name
from harness.training.images import list_images
from harness.training.loop import LOG_NAME
from harness.training.recipe import Recipe, is_there
from harness.training.teacher import teacher_file
from harness.training.train import train
from variants.catalog import SCALES, get_variant

KIND = "training"


class TrainingSpec(Spec):
    """Everything that a training depends on.

    Attributes:
        entry: its name in the plan.
        recipe: settled, with the seed and steps that the plan gives.
        images: SHA-256 over the training images, in their order.
        teacher: SHA-256 of the file that teaches, where there is one.
    """

    entry: Name
    recipe: dict[str, Any]
    images: Name
    teacher: Name | None = None

    def names(self) -> list[str]:
        return [self.entry]


def training_job(
    entry: str,
    variant: str,
    scale: int | None,
    recipe: Recipe,
    init: Path | None,
    out: Path,
    device: str,
    data_root: Path | None,
) -> Job[TrainingSpec]:
    """A training of one network as a job.

    Args:
        entry: what its folder in ``out`` is called.
        variant: see :func:`harness.training.train.train`, as for the others.
        scale: None of a network that serves all.
        recipe: settled.
        init: a weights file; the recipe's own start when None.
        out: folder of the plan.
        device: what ``train`` takes.
        data_root: where the images are looked for.

    Raises:
        HarnessError, VariantError: no such variant, images are missing.
    """
    chosen = get_variant(variant)
    if chosen.has_network and chosen.per_scale_weights and scale is None:
        raise ConfigError(f"{variant} has a network for each scale; the plan has to say which")
    if init is None and recipe.init is not None and is_there(recipe.init):
        init = Path(recipe.init)
    images = list_images(recipe.data, data_root)
    contents = hashlib.sha256("\n".join(map(sha256_of, images)).encode()).hexdigest()
    taught = None if recipe.distillation is None else teacher_file(recipe.distillation)
    weights = Weights("none") if init is None else Weights("init", sha256_of(init))
    spec = TrainingSpec.model_validate(
        {
            **network_identity(chosen, scale or max(SCALES), weights),
            "entry": entry,
            "recipe": recipe.model_dump(),
            "images": contents,
            **({} if taught is None else {"teacher": sha256_of(taught)}),
        }
    )
    inputs = {
        "images": [str(path) for path in images],
        "weights": None if init is None else str(init),
        "results": str(out),
        "plan": str(out),
        "scale": scale,
        "train_on": device,
        "device": "cuda" if device.startswith("cuda") else "cpu",
        **as_inputs(),
    }
    return Job(KIND, spec, inputs)


def execute_training(job: Job) -> Record:
    """Train, or go on, wherever this is called; picklable."""
    return recorded(job, _train)


def _train(job: Job) -> None:
    spec, inputs = job.spec, job.inputs
    assert isinstance(spec, TrainingSpec)
    target = Path(inputs["results"]) / spec.entry
    recipe = Recipe.model_validate(spec.recipe)
    if spec.teacher is not None:
        assert recipe.distillation is not None
        taught = teacher_file(recipe.distillation)
        if taught is None or sha256_of(taught) != spec.teacher:
            raise ConfigError(
                f"teacher {recipe.distillation.teacher} is not here, or not what it was when the "
                "training was planned; a teacher's file does not travel"
            )
    # An executor on another machine gives another folder for what is to come back.
    here = inputs["results"] == inputs["plan"]
    folder = target if here else cache_folder() / "trainings" / job.id
    train(
        spec.variant.name,
        recipe=recipe,
        init=inputs["weights"],
        out=folder,
        device=inputs["train_on"],
        images=[Path(path) for path in inputs["images"]],
        scale=inputs["scale"],
    )
    if not here:
        make_folder(target)
        for path in (*folder.glob("*.safetensors"), folder / LOG_NAME, folder / TRAINING_FILE):
            shutil.copyfile(path, target / path.name)
