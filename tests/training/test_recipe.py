import pytest
import yaml

from harness.errors import ConfigError
from harness.training.recipe import Sgd, list_recipes, load_recipe
from tests.training.conftest import TINY
from variants.errors import UnknownNameError


def test_all_recipes_of_the_harness_are_valid():
    assert {"fast", "paper", "smoke"} <= set(list_recipes())
    for name in list_recipes():
        assert load_recipe(name).name == name


def test_the_paper_recipe_is_the_published_setting():
    recipe = load_recipe("paper")
    assert sum(batch.images for batch in recipe.batches.values()) == 64
    assert recipe.per_step == "all"
    assert {batch.patch for batch in recipe.batches.values()} == {128}
    assert isinstance(recipe.optimizer, Sgd)
    assert (recipe.optimizer.lr, recipe.optimizer.momentum) == (1e-5, 0.9)
    assert (recipe.optimizer.weight_decay, recipe.optimizer.bias_lr_factor) == (1e-4, 0.1)
    assert recipe.loss.reduction == "sum"
    assert recipe.loss.eps == 1e-6
    assert recipe.data.sets == ("T91", "BSDS200")
    assert recipe.data.rescale == (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean smoke"):
        load_recipe("smokey")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"stepz": 3}, "stepz"),
        ({"steps": 0}, "steps"),
        ({"steps": "many"}, "steps"),
        ({"batches": {3: {"images": 1, "patch": 16}}}, "batches"),
        ({"batches": {2: {"images": 1, "patch": 20}}}, "multiple of 8"),
        ({"optimizer": {"kind": "lion", "lr": 1}}, "optimizer"),
        ({"optimizer": {"kind": "adam", "lr": 1, "momentum": 0.9}}, "momentum"),
        ({"log_every": 4, "validate_every": 6}, "multiple of log_every"),
        ({"data": {"rescale": [2.0]}}, "rescale"),
        ({"clip": -1}, "clip"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(tmp_path, change, named):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**TINY, **change}))
    with pytest.raises(ConfigError, match=named) as caught:
        load_recipe(path)
    assert "mine.yaml" in str(caught.value)


@pytest.mark.parametrize("text", ["{", "", "- 1", "just text"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"broken\.yaml"):
        load_recipe(path)
