"""Recipes: everything that decides a training curve, as validated YAML."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from harness.errors import ConfigError
from harness.system.yaml import load_yaml, parse_yaml
from variants.errors import UnknownNameError

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]

LARGEST_SEED = 2**63 - 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Data(_Strict):
    """Training images.

    Attributes:
        sets: names of datasets, searched under the data root; ``embedded`` are the images that
            come with scikit-image.
        hold_out_every: every n-th image (sorted by set and name) validates and never trains.
        rescale: factors by which images are shrunk (MATLAB bicubic) before patches are cut.
        full_range: share of the patches whose luma is stretched from the studio range of BT.601
            (16 to 235 of 255), which all luma made from RGB has, to the full range, which
            greyscale images have.
    """

    sets: Annotated[tuple[str, ...], Field(min_length=1)] = ("T91", "BSDS200")
    hold_out_every: Annotated[int, Field(ge=2)] = 15
    rescale: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (
        *(1.0, 0.9, 0.8, 0.7, 0.6, 0.5),
    )
    full_range: Fraction = 0.0


class Batch(_Strict):
    """One scale's batch: how many HR patches, of ``patch`` x ``patch`` pixels, and how often.

    ``share`` is the relative probability of the scale when a step draws one.
    """

    images: int = Field(ge=1, le=4096)
    patch: int = Field(ge=16, le=4096)
    share: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0


class Loss(_Strict):
    """Charbonnier, ``sqrt(difference**2 + eps)``, at every level.

    Attributes:
        eps: inside the root.
        reduction: ``sum`` adds over pixels and levels and divides by the number of images;
            ``mean`` divides by the number of pixels of the largest level as well. Both weight
            levels by their pixels.
    """

    eps: Positive = 1e-6
    reduction: Literal["mean", "sum"] = "mean"


class Distillation(_Strict):
    """A trained network's outputs as a second target, at every level that it has.

    The loss is ``(1 - weight)`` times that to the truth and ``weight`` times the same Charbonnier
    loss to the teacher's outputs. Source: Hinton et al., "Distilling the Knowledge in a Neural
    Network", arXiv 1503.02531; for super-resolution the teacher's supervision of He et al., "FAKD",
    ICIP 2020, without its affinities of features, which networks of other widths lack.

    Attributes:
        teacher: a variant whose weights ship or that brings its own, or a file of weights.
        network: of a file that does not say it: the variant that its weights are for.
        weight: above 0, and 1 for the teacher alone.
    """

    teacher: Annotated[str, Field(min_length=1)]
    network: str | None = None
    weight: Annotated[float, Field(gt=0, le=1)] = 0.5


class Muon(_Strict):
    """Muon on the C-to-C 3x3 kernels (as C x 9C matrices), Adam on everything else.

    ``lr`` multiplies the orthogonalised momentum itself (spectral norm about 1).
    """

    kind: Literal["muon"]
    lr: Positive
    momentum: Fraction = 0.95
    adam_lr: Positive = 1e-3
    betas: tuple[Beta, Beta] = (0.9, 0.99)


class Adam(_Strict):
    """Adam on everything."""

    kind: Literal["adam"]
    lr: Positive
    betas: tuple[Beta, Beta] = (0.9, 0.99)


class Sgd(_Strict):
    """SGD with momentum; biases at ``bias_lr_factor`` of the rate."""

    kind: Literal["sgd"]
    lr: Positive
    momentum: Fraction = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    bias_lr_factor: Positive = 0.1


class Cosine(_Strict):
    """Linear warm-up over ``warmup`` steps, then half a cosine to ``final`` of the peak rate."""

    kind: Literal["cosine"]
    warmup: Annotated[int, Field(ge=0)] = 0
    final: Fraction = 0.0


class Halving(_Strict):
    """The rate halves every ``every`` steps, down to ``floor`` of the first rate."""

    kind: Literal["halving"]
    every: int = Field(ge=1)
    floor: Fraction = 0.0


class Recipe(_Strict):
    """How a network is trained.

    Attributes:
        name: what results are filed under.
        summary: one sentence for people.
        steps: optimiser steps of the whole schedule.
        per_step: ``one`` draws one scale for each step, ``all`` puts every scale into it.
        batches: per scale.
        clip: largest norm of the whole gradient, None for no limit.
        ema: decay of the averaged weights, which are what is validated and kept.
        precision: ``auto`` is bf16 autocast where the processor has it and float32 elsewhere.
        seed: of initial weights, patches and draws.
        log_every, validate_every: in steps; the latter a multiple of the former.
        checkpoint_seconds: least time between checkpoints (written at logged steps only).
        init: where the weights start when the command line does not say: a variant whose shipped
            weights are taken, or a file. None is from scratch.
        distillation: whom it learns from beside the truth; None for the truth alone.
    """

    name: str
    summary: str
    steps: int = Field(ge=1, le=10**9)
    per_step: Literal["one", "all"] = "one"
    batches: Annotated[dict[Literal[2, 4, 8], Batch], Field(min_length=1)]
    data: Data = Data()
    loss: Loss = Loss()
    optimizer: Annotated[Muon | Adam | Sgd, Field(discriminator="kind")]
    schedule: Annotated[Cosine | Halving, Field(discriminator="kind")]
    clip: Positive | None = 1.0
    ema: Fraction = 0.999
    precision: Literal["auto", "bf16", "float32"] = "auto"
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    log_every: Annotated[int, Field(ge=1)] = 50
    validate_every: Annotated[int, Field(ge=1)] = 500
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 180.0
    init: str | None = None
    distillation: Distillation | None = None

    @model_serializer(mode="wrap")
    def _told(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As recipes were told before they could distil, where they do not: ids rest on it."""
        found: dict[str, Any] = serialise(self)
        if found.get("distillation") is None:
            found.pop("distillation", None)
        return found

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.validate_every % self.log_every:
            raise ValueError("validate_every must be a multiple of log_every")
        for scale, batch in self.batches.items():
            if batch.patch % 8:
                raise ValueError(f"batches: the {scale}x patch must be a multiple of 8 pixels")
        return self


def list_recipes() -> list[str]:
    """Names of the recipes that come with the harness, sorted."""
    folder = files("harness.training") / "recipes"
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_recipe(recipe: str | Path) -> Recipe:
    """A recipe by name, or from a YAML file.

    Raises:
        UnknownNameError: neither a name of :func:`list_recipes` nor a file.
        ConfigError: the file is no valid recipe; names the key.
    """
    if str(recipe) in list_recipes():
        source = f"recipe {recipe}"
        text = (files("harness.training") / "recipes" / f"{recipe}.yaml").read_bytes()
        content = parse_yaml(text, source)
    elif is_there(recipe):
        source, content = str(recipe), load_yaml(Path(recipe), "recipe")
    else:
        raise UnknownNameError("recipe", str(recipe), list_recipes())
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{source} is not valid: {describe(error, 'recipe')}") from error


def is_there(path: str | Path) -> bool:
    """Whether a path leads to anything; False too for what is no possible path."""
    try:
        return os.path.lexists(path)
    except ValueError:
        return False


def describe(error: ValidationError, whole: str) -> str:
    """What pydantic found, the first few, in one line; ``whole`` names the document itself."""
    rows = error.errors(include_url=False, include_context=False, include_input=False)
    named = [f"{'.'.join(map(str, row['loc'])) or whole}: {row['msg']}" for row in rows]
    more = f"; and {len(named) - 5} more" if len(named) > 5 else ""
    return "; ".join(named[:5]) + more
