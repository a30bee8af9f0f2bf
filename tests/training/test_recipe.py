import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.training.recipe import Recipe, Sgd, list_recipes, load_recipe
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
        ({"clip": float("inf")}, "clip"),
        ({"batches": {}}, "batches"),
        ({"batches": {2: {"images": 10**12, "patch": 16}}}, "images"),
        ({"batches": {2: {"images": 1, "patch": 16, "share": 1e308}}}, "share"),
        ({"data": {"sets": []}}, "sets"),
        ({"data": {"rescale": []}}, "rescale"),
        ({"optimizer": {"kind": "adam", "lr": 1, "betas": [0.9, 1.0]}}, "betas"),
        ({"optimizer": {"kind": "adam", "lr": float("nan")}}, "lr"),
        ({"seed": 2**63}, "too large"),
        ({"distillation": {"teacher": ""}}, "teacher"),
        ({"distillation": {"weight": 0.5}}, "teacher"),
        ({"distillation": {"teacher": "ms-lapsrn", "weight": 0}}, "weight"),
        ({"distillation": {"teacher": "ms-lapsrn", "weight": float("nan")}}, "weight"),
        ({"distillation": {"teacher": "ms-lapsrn", "temperature": 4}}, "temperature"),
        ({"steps": 2**62}, "steps"),
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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_recipe_may_be_in_any_unicode_encoding(tmp_path, encoding):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(TINY), encoding)
    assert load_recipe(path).name == TINY["name"]


def test_a_path_that_cannot_be_is_an_unknown_recipe(tmp_path):
    for name in ("x" * 5000, "a\0b"):
        with pytest.raises(UnknownNameError):
            load_recipe(name)
    with pytest.raises(ConfigError, match="Is a directory"):
        load_recipe(tmp_path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab2"), inner, max_size=2),
    max_leaves=4,
)


@given(key=st.sampled_from(sorted(Recipe.model_fields)), value=VALUES)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_value_is_taken_or_refused_in_one_sentence(tmp_path, key, value):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**TINY, key: value}, allow_unicode=True), "utf-8")
    try:
        load_recipe(path)
    except ConfigError as error:
        assert "\n" not in str(error)  # noqa: PT017  either outcome is right
