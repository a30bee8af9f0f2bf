"""Distillation: who teaches, what is learnt, and what is told of it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from harness.errors import ConfigError
from harness.jobs.base import Job
from harness.networks.weights import TRAINING_FILE, training_of
from harness.training.cards import render_card
from harness.training.checkpoint import fingerprint
from harness.training.entry import TrainingSpec, execute_training, training_job
from harness.training.loss import Objective
from harness.training.recipe import Distillation, Loss, load_recipe
from harness.training.teacher import load_teacher
from harness.training.train import train
from tests.training.conftest import MakeRecipe
from tests.training.test_loss import batch_of
from variants import create_model
from variants.catalog import forget_variant, get_variant
from variants.errors import WeightsError
from variants.outside import register_network
from variants.weights.files import save_weights, sha256_of
from variants.weights.store import ShippedWeights, find_shipped


def shipped(variant: str, scale: int = 8) -> ShippedWeights:
    found = find_shipped(variant, scale)
    assert found is not None
    return found


def taught(recipe: Path, out: Path, variant: str = "ms-lapsrn[width=4]", **more: Any) -> Path:
    (network,) = train(
        variant, recipe=recipe, out=out, device="cpu", progress=False, **more
    ).networks
    return network.weights


@pytest.mark.parametrize("weight", [0.25, 1.0])
def test_the_loss_is_a_weighted_sum_of_both_targets(weight: float) -> None:
    model, batch = create_model("ms-lapsrn", 8, width=4), batch_of(4, 3)
    teacher = load_teacher(Distillation(teacher="ms-lapsrn", weight=weight), [2, 4, 8])
    outputs = create_model("ms-lapsrn", 4, pretrained=True).forward_levels(batch.lr)
    by_teacher = batch._replace(targets=tuple(output.detach() for output in outputs))
    to_truth, to_teacher = (Objective(model, Loss())([b])[0] for b in (batch, by_teacher))
    assert abs((to_truth - to_teacher).item()) > 1e-3
    loss, levels = Objective(model, Loss(), teacher=teacher)([batch])
    torch.testing.assert_close(loss, (1 - weight) * to_truth + weight * to_teacher)
    # What is logged per level stays comparable to other trainings: the error to the truth.
    torch.testing.assert_close(levels, Objective(model, Loss())([batch])[1])


def test_only_the_pupil_learns() -> None:
    model = create_model("ms-lapsrn", 8, width=4)
    teacher = load_teacher(Distillation(teacher="ms-lapsrn"), [2, 4, 8])
    objective = Objective(model, Loss(), teacher=teacher)
    assert {id(p) for p in objective.parameters()} == {id(p) for p in model.parameters()}
    objective.train()
    network = teacher.networks[2]
    assert network is teacher.networks[8]
    assert not any(module.training for module in network.modules())
    objective([batch_of(8, 1)])[0].backward()
    assert all(p.grad is None and not p.requires_grad for p in network.parameters())
    assert all(p.grad is not None for p in model.parameters())


def test_a_teacher_of_one_network_per_scale_teaches_each_by_its_own() -> None:
    teacher = load_teacher(Distillation(teacher="lapsrn"), [2, 4, 8])
    assert teacher.sha256 == {s: shipped("lapsrn", s).sha256 for s in (2, 4, 8)}
    y = torch.rand(1, 1, 6, 5)
    for scale, network in teacher.networks.items():
        expected = create_model("lapsrn", scale, pretrained=True)
        torch.testing.assert_close(network(y), expected(y))


def test_a_network_from_outside_teaches_its_finest_level() -> None:
    register_network("doubler", lambda scale: nn.Upsample(scale_factor=scale), colour="y")
    try:
        teacher = load_teacher(Distillation(teacher="doubler", weight=1.0), [4])
        batch = batch_of(4, 1)
        loss, _ = Objective(create_model("bicubic", 4), Loss(), teacher=teacher)([batch])
        last = create_model("bicubic", 4)(batch.lr) - nn.Upsample(scale_factor=4)(batch.lr)
        assert float(loss) == pytest.approx(float((last**2 + 1e-6).sqrt().mean()), rel=1e-5)
    finally:
        forget_variant("doubler")


def test_the_teacher_is_told_wherever_the_training_is(tiny: MakeRecipe, tmp_path: Path) -> None:
    teacher = {"teacher": "ms-lapsrn", "weight": 0.5}
    weights = taught(tiny(steps=2, distillation=teacher), tmp_path / "out")
    told = {"variant": "ms-lapsrn", "sha256": [shipped("ms-lapsrn").sha256], "weight": 0.5}
    summary = json.loads(weights.with_name(TRAINING_FILE).read_text())
    assert summary["teacher"] == told == training_of(weights)["teacher"]
    assert summary["settings"]["distillation"] == {**teacher, "network": None}
    plain = taught(tiny(steps=2), tmp_path / "plain")
    summary = json.loads(plain.with_name(TRAINING_FILE).read_text())
    assert not {"teacher", "distillation"} & {*summary, *summary["settings"], *training_of(plain)}


def test_a_card_names_the_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"variant": "lapsrn", "sha256": ["0123456789abcdef"], "weight": 0.5}
    entry = shipped("ms-lapsrn")
    pupil = ShippedWeights(
        entry.variant, entry.scales, entry.file, entry.sha256, {**entry.training, "teacher": told}
    )
    for entries, shown in (([pupil], True), ([entry], False)):
        monkeypatch.setattr("harness.training.cards.shipped_weights", lambda e=entries: tuple(e))
        card = render_card("ms-lapsrn")
        assert ("| Teacher | lapsrn (SHA-256 01234567), weighted 0.5 |" in card) == shown


def test_another_teacher_is_another_training(tiny: MakeRecipe, tmp_path: Path) -> None:
    file = tmp_path / "teacher.safetensors"
    shutil.copy(shipped("ms-lapsrn").path, file)
    recipe = tiny(steps=2, distillation={"teacher": str(file)})
    taught(recipe, tmp_path / "out")
    model = create_model("ms-lapsrn", 8)
    save_weights(model, file, get_variant("ms-lapsrn"), 8, {})
    with pytest.raises(ConfigError, match="another variant, recipe, start, teacher"):
        taught(recipe, tmp_path / "out")


def test_a_plan_tells_another_teacher_and_does_not_learn_from_it(
    tiny: MakeRecipe, tmp_path: Path
) -> None:
    file = tmp_path / "teacher.safetensors"
    recipe = load_recipe(tiny(steps=1, distillation={"teacher": str(file)}))

    def job() -> Job[TrainingSpec]:
        return training_job("one", "ms-lapsrn[width=4]", None, recipe, None, tmp_path, "cpu", None)

    shutil.copy(shipped("ms-lapsrn").path, file)
    planned = job()
    assert planned.spec.teacher == shipped("ms-lapsrn").sha256
    assert job().id == planned.id
    save_weights(create_model("ms-lapsrn", 8), file, get_variant("ms-lapsrn"), 8, {})
    assert job().id != planned.id
    record = execute_training(planned)
    assert "not what it was when the training was planned" in str(record.reason)
    named = recipe.model_copy(update={"distillation": Distillation(teacher="ms-lapsrn")})
    spec = training_job("one", "lapsrn", 2, named, None, tmp_path, "cpu", None).spec
    assert "teacher" not in spec.stored()


def test_recipes_without_a_teacher_are_what_they_were() -> None:
    """Checkpoints and ids of before go on: this is what version 1 wrote."""
    found = fingerprint("ms-lapsrn", 8, load_recipe("smoke"), "scratch", ["a.png"])
    assert found == "2bcf9f712456b66c02388047018f5a2233911c48e42979b5b980a826367332b2"


def test_a_file_teaches_what_it_says_or_what_is_said_of_it(tmp_path: Path) -> None:
    entry = shipped("ms-lapsrn")
    model = create_model("ms-lapsrn", 8, pretrained=True)
    torch.save(model.state_dict(), bare := tmp_path / "bare.pth")
    ours = load_teacher(Distillation(teacher=str(entry.path)), [4])
    theirs = load_teacher(Distillation(teacher=str(bare), network="ms-lapsrn"), [4])
    assert (ours.sha256, theirs.sha256) == ({4: entry.sha256}, {4: sha256_of(bare)})
    y = torch.rand(1, 1, 6, 5)
    torch.testing.assert_close(ours.networks[4](y), theirs.networks[4](y), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"teacher": "ms-lapsm"}, ConfigError, "no such file, and no such variant"),
        ({"teacher": "bicubic"}, ConfigError, "has no network"),
        ({"teacher": "ms-lapsrn[width=32]"}, ConfigError, "has no weights that ship for 8x"),
        ({"teacher": "X2"}, ConfigError, "is not for 4x, 8x, and this training is for 2x, 4x, 8x"),
        ({"teacher": "BARE"}, ConfigError, "does not say which network"),
        ({"teacher": "BARE", "network": "bicubic"}, ConfigError, "has no network"),
        ({"teacher": "BARE", "network": "lapsrn"}, WeightsError, "does not fit"),
        ({"teacher": "MS", "network": "cms-lapsrn-conv3"}, WeightsError, "another network"),
        ({"teacher": "TORN"}, WeightsError, "TORN"),
    ],
)
def test_a_teacher_that_cannot_teach_is_one_sentence(
    tiny: MakeRecipe, tmp_path: Path, given: dict[str, str], error: type[Exception], said: str
) -> None:
    for name, content in (
        ("X2", shipped("lapsrn", 2).path.read_bytes()),
        ("MS", shipped("ms-lapsrn").path.read_bytes()),
        ("TORN", shipped("ms-lapsrn").path.read_bytes()[:5000]),
    ):
        (tmp_path / f"{name}.safetensors").write_bytes(content)
    torch.save(create_model("ms-lapsrn", 8).state_dict(), tmp_path / "BARE.pth")
    found = [path for path in tmp_path.iterdir() if path.stem == given["teacher"]]
    given = {**given, "teacher": str(found[0]) if found else given["teacher"]}
    with pytest.raises(error, match=said) as caught:
        taught(tiny(distillation=given), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
