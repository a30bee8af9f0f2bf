import pytest
import yaml
from click.testing import CliRunner

from harness.commands.train import command
from harness.errors import ConfigError
from harness.training.schedule import list_plans, load_plan, needed, run_plan, weights_in
from tests.commands.invoke import invoke
from variants.catalog import get_variant
from variants.errors import UnknownNameError


def test_the_plans_of_the_harness_are_valid():
    assert {"shipped", "seeds"} <= set(list_plans())
    for name in list_plans():
        assert load_plan(name)


def test_the_shipped_plan_trains_every_network_alike():
    plan = load_plan("shipped").values()
    multi_scale = [e for e in plan if not get_variant(e.variant).per_scale_weights]
    assert {e.variant for e in multi_scale} == {
        "ms-lapsrn",
        "cms-lapsrn-conv1",
        "cms-lapsrn-conv2",
        "cms-lapsrn-conv3",
        "cms-lapsrn-conv5",
    }
    assert len({(e.recipe, e.steps, e.init, e.seed) for e in multi_scale}) == 1
    assert {e.scale for e in plan if e.variant == "lapsrn"} == {2, 4, 8}


def test_the_seeds_plan_gives_each_variant_three():
    plan = load_plan("seeds").values()
    seeds: dict[str, set[int | None]] = {}
    for entry in plan:
        seeds.setdefault(entry.variant, set()).add(entry.seed)
    assert all(len(found) >= 3 for found in seeds.values())
    assert len(seeds) >= 2
    assert len({(e.recipe, e.steps, e.init) for e in plan}) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"a": {"variant": "lapsrn", "colour": 1}},
        {"a": {}},
        [1],
        {"a": {"variant": "x", "init": "b"}},
    ],
)
def test_a_wrong_plan_is_refused(tmp_path, content):
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=r"plan\.yaml"):
        load_plan(str(path))


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match="shipped"):
        load_plan("shiped")
    with pytest.raises(UnknownNameError, match="lapsrn-x2"):
        needed(load_plan("shipped"), ["lapsrn-2x"])


def test_a_part_of_a_plan_brings_what_it_starts_from():
    assert list(needed(load_plan("shipped"), ["lapsrn-x8"])) == ["lapsrn-x2", "lapsrn-x8"]


def test_a_failure_leaves_the_others_and_a_rerun_mends_it(tiny, tmp_path, capsys):
    recipe = str(tiny(steps=1, log_every=1, validate_every=1))
    path = tmp_path / "plan.yaml"
    plan = {
        "bad": {"variant": "bicubic", "recipe": recipe},
        "after": {"variant": "cms-lapsrn-conv1", "recipe": recipe, "init": "bad"},
        "good": {"variant": "cms-lapsrn-conv1", "recipe": recipe},
    }
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    out = tmp_path / "out"
    assert not run_plan(load_plan(str(path)), out, device="cpu")
    errors = capsys.readouterr().err
    assert "bad: bicubic has nothing to train" in errors
    assert "after: bad, which it starts from, was not trained" in errors
    good = weights_in(out / "good")
    assert good
    written = good.stat().st_mtime_ns
    plan["bad"]["variant"] = "cms-lapsrn-conv3"
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    assert run_plan(load_plan(str(path)), out, device="cpu")
    assert weights_in(out / "after")
    assert good.stat().st_mtime_ns == written


def test_the_command_trains_a_plan(tiny, tmp_path):
    recipe = str(tiny(steps=1, log_every=1, validate_every=1))
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    first = {"variant": "cms-lapsrn-conv1", "recipe": recipe}
    plan = {"first": first, "after": {**first, "init": "first"}, "bad": {"variant": "bicubic"}}
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    given = ["--plan", path, "--out", out, "--device", "cpu"]
    outcome = invoke(command, *given, "--only", "after")
    assert outcome.return_value == 0, outcome.output
    assert weights_in(out / "first")
    assert weights_in(out / "after")
    outcome = invoke(command, *given)
    assert outcome.return_value == 1
    assert "Failed: bad: bicubic has nothing to train" in outcome.stderr


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "either --variant or --plan"),
        (["--plan", "shipped", "--variant", "lapsrn"], "either --variant or --plan"),
        (["--plan", "shipped", "--steps", "1", "--recipe", "fast"], "--recipe, --steps cannot"),
        (["--variant", "lapsrn", "--only", "a"], "--only needs --plan"),
    ],
)
def test_options_that_do_not_go_together(given, words):
    outcome = CliRunner().invoke(command, given)
    assert outcome.exit_code == 2
    assert words in outcome.stderr
