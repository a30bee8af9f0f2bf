import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from harness.commands.train import command
from harness.errors import ConfigError, DataError, HarnessError
from harness.jobs.executor import ExecutorModule, Opening
from harness.jobs.transport import pack
from harness.training.entry import execute_training, training_job
from harness.training.images import read_lumas
from harness.training.plan import Entry, list_plans, load_plan, needed, run_plan, weights_in
from harness.training.recipe import load_recipe
from harness.training.train import prepared_images, settle
from tests.commands.invoke import invoke
from variants.catalog import get_variant
from variants.errors import UnknownNameError
from variants.weights.store import shipped_weights


def test_the_plans_of_the_harness_are_valid():
    assert {"shipped", "seeds"} <= set(list_plans())
    for name in list_plans():
        assert load_plan(name)


def test_the_shipped_plan_trains_every_network_alike():
    plan = load_plan("shipped")
    stages: dict[int, dict[str, Entry]] = {1: {}, 2: {}, 3: {}}
    names: dict[int, dict[str, str]] = {1: {}, 2: {}, 3: {}}
    for name, entry in plan.items():
        if entry.scale is None and not entry.variant.startswith("ms-lapsrn-"):
            stage = int(name[-1]) if "-stage" in name else 1
            stages[stage][entry.variant], names[stage][entry.variant] = entry, name
    for stage, entries in stages.items():
        assert set(entries) == {"ms-lapsrn", *(f"cms-lapsrn-conv{n}" for n in range(1, 6))}
        assert len({(e.recipe, e.steps, e.seed) for e in entries.values()}) == 1
        for variant, entry in entries.items():
            assert entry.init == (names[stage - 1][variant] if stage > 1 else None)
    assert {e.scale for e in plan.values() if e.variant == "lapsrn"} == {2, 4, 8}


def test_the_shipped_plan_tells_how_what_ships_was_trained():
    plan = load_plan("shipped")
    for shipped in shipped_weights():
        scale = shipped.scales[0] if get_variant(shipped.variant).per_scale_weights else None
        mine = [e for e in plan.values() if (e.variant, e.scale) == (shipped.variant, scale)]
        settled = settle(mine[-1].recipe, mine[-1].seed, mine[-1].steps)
        assert shipped.training["settings"] == settled.model_dump(mode="json")
        assert bool(shipped.training.get("earlier")) == (mine[-1].after is not None)


@pytest.mark.parametrize("name", ["seeds", "seeds-full"])
def test_a_plan_of_seeds_gives_each_variant_three(name):
    plan = load_plan(name)
    stages: dict[bool, dict[str, list[Entry]]] = {}
    for entry in plan.values():
        stages.setdefault(entry.after is not None, {}).setdefault(entry.variant, []).append(entry)
        if entry.after is not None:
            assert plan[entry.after].model_copy(update={"recipe": "", "init": None}) == (
                entry.model_copy(update={"recipe": "", "init": None})
            )
    for variants_of in stages.values():
        assert len(variants_of) >= 2
        assert all(len({e.seed for e in entries}) >= 3 for entries in variants_of.values())
        assert len({(e.recipe, e.steps) for entries in variants_of.values() for e in entries}) == 1
    assert len({e.init for entries in stages[False].values() for e in entries}) == 1


def test_an_entry_starts_from_a_file_here_or_below_the_data_root(tmp_path):
    plan = load_plan("from-authors")
    assert len(plan) == 6
    (init,) = {entry.init for entry in plan.values()}
    entry = plan["ms-lapsrn"]
    with pytest.raises(DataError, match=r"MSLapSRN_D5R2\.mat.*data fetch weights"):
        entry.starts_from(tmp_path / "out", tmp_path)
    (tmp_path / init).parent.mkdir()
    (tmp_path / init).write_bytes(b"")
    assert entry.starts_from(tmp_path / "out", tmp_path) == tmp_path / init
    assert list(needed(plan, ["ms-lapsrn"])) == ["ms-lapsrn"]


def test_a_missing_file_to_start_from_is_told(tiny, tmp_path, capsys):
    recipe = str(tiny(steps=1, log_every=1, validate_every=1))
    path = tmp_path / "plan.yaml"
    plan = {"a": {"variant": "ms-lapsrn", "recipe": recipe, "init": str(tmp_path / "no.mat")}}
    path.write_text(yaml.safe_dump(plan))
    assert not run_plan(load_plan(str(path)), tmp_path / "out", device="cpu")
    assert "Failed: a: " in (told := capsys.readouterr().err)
    assert "no.mat" in told


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
    plan = {"first": first, "after": {**first, "init": "first"}}
    plan["bad"] = {"variant": "bicubic", "recipe": recipe}
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    given = ["--plan", path, "--out", out, "--device", "cpu"]
    outcome = invoke(command, *given, "--only", "after")
    assert outcome.return_value == 0, outcome.output
    assert weights_in(out / "first")
    assert weights_in(out / "after")
    outcome = invoke(command, *given)
    assert outcome.return_value == 1
    assert "Failed: bad: bicubic has nothing to train" in outcome.stderr


def test_side_by_side_is_as_in_turn(tiny, tmp_path, capsys, monkeypatch):
    # In this process as in the others: not from what the fixtures put in place of it.
    monkeypatch.setattr("harness.training.train.read_lumas", read_lumas)
    prepared_images.cache_clear()
    recipe = str(tiny(steps=2, log_every=1, validate_every=1))
    path = tmp_path / "plan.yaml"
    plan = {
        "one": {"variant": "cms-lapsrn-conv1", "recipe": recipe, "seed": 1},
        "two": {"variant": "cms-lapsrn-conv1", "recipe": recipe, "seed": 2},
        "after": {"variant": "cms-lapsrn-conv3", "recipe": recipe, "init": "two"},
    }
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    for out, workers in (("turns", 1), ("beside", 2)):
        assert run_plan(load_plan(str(path)), tmp_path / out, device="cpu", workers=workers)
        assert "Trained: after (" in (told := capsys.readouterr().err)
        assert "3 of 3)" in told
    for name in plan:
        in_turn, beside = (
            pd.read_csv(tmp_path / out / name / "log.csv")["loss"] for out in ("turns", "beside")
        )
        # Another number of threads, so another order of sums.
        np.testing.assert_allclose(in_turn, beside, rtol=1e-3)


def _weights(folder: Path) -> bytes:
    path = weights_in(folder)
    assert path
    return path.read_bytes()


def test_another_machine_goes_on_from_its_own_checkpoint(tiny, tmp_path, monkeypatch):
    """What travels names content; what comes back is what a training here would leave."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    recipe = load_recipe(tiny(steps=2, log_every=1, validate_every=1))
    out = tmp_path / "out"
    given = ("a", "cms-lapsrn-conv3", None, recipe, None)
    job = training_job(*given, out, "cpu", None)
    assert execute_training(job).status == "done"
    there = pickle.loads(pickle.dumps(pack(job)))
    for n in (1, 2):
        back = tmp_path / f"back{n}"
        inputs = {**there.job.inputs, "images": [f.path for f in there.images], "weights": None}
        sent = dataclasses.replace(there.job, inputs={**inputs, "results": str(back)})
        record = execute_training(sent)
        assert record.status == "done", record.reason
        assert sorted(path.name for path in (back / "a").iterdir()) == [
            "cms-lapsrn-conv3.safetensors",
            "log.csv",
            "training.json",
        ]
        assert _weights(back / "a") == _weights(out / "a")
    # The second time it was there already.
    assert len(list((tmp_path / "cache" / "trainings").iterdir())) == 1


def test_a_network_for_each_scale_needs_one_in_a_plan(tiny, tmp_path):
    with pytest.raises(ConfigError, match="lapsrn has a network for each scale"):
        training_job("a", "lapsrn", None, load_recipe(tiny(steps=1)), None, tmp_path, "cpu", None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "either --variant or --plan"),
        (["--plan", "shipped", "--variant", "lapsrn"], "either --variant or --plan"),
        (["--plan", "shipped", "--steps", "1", "--recipe", "fast"], "--recipe, --steps cannot"),
        (["--variant", "lapsrn", "--only", "a"], "--only needs --plan"),
        (["--variant", "lapsrn", "--workers", "2"], "--workers needs --plan"),
        (["--plan", "shipped", "--workers", "0"], "--workers"),
    ],
)
def test_options_that_do_not_go_together(given, words):
    outcome = CliRunner().invoke(command, given)
    assert outcome.exit_code == 2
    assert words in outcome.stderr


@pytest.mark.parametrize(("device", "bound"), [("cpu", True), ("cuda:0", False)])
def test_only_beside_a_gpu_a_training_may_use_every_processor(monkeypatch, tmp_path, device, bound):
    opened: list[Opening] = []

    def open_(opening):
        opened.append(opening)
        raise HarnessError("far enough")

    monkeypatch.setattr(
        "harness.training.plan.get_executor", lambda name: (ExecutorModule(open=open_), "")
    )
    with pytest.raises(HarnessError, match="far enough"):
        run_plan(load_plan("seeds"), tmp_path, device=device, workers=2)
    assert [opening.bound for opening in opened] == [bound]
