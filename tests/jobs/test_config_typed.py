"""Configurations as people write them: one value for a list, a text with commas, nothing."""

import re
from pathlib import Path
from typing import Any

import pytest

from harness.data.datasets import open_folder
from harness.errors import ConfigError, DataError
from harness.jobs.config import RunConfig, load_config, with_settings
from harness.jobs.latency.models import LatencyConfig


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("variants: bicubic", "variants", ("bicubic",)),
        ("variants: bicubic, lapsrn", "variants", ("bicubic", "lapsrn")),
        ("scales: 4", "scales", (4,)),
        ("scales: 2,4", "scales", (2, 4)),
        ("datasets: Set5", "datasets", ("Set5",)),
        ("only: cost", "only", ("cost",)),
        ("backends: eager", "backends", ("eager",)),
    ],
)
def test_one_value_is_a_list_of_one(tmp_path: Path, text: str, name: str, expected: Any) -> None:
    (tmp_path / "run.yaml").write_text(text)
    assert getattr(load_config(tmp_path / "run.yaml", {}), name) == expected


@pytest.mark.parametrize("name", sorted(RunConfig.model_fields))
def test_nothing_is_the_default(tmp_path: Path, name: str) -> None:
    (tmp_path / "run.yaml").write_text(f"{name}: ~")
    assert load_config(tmp_path / "run.yaml", {}) == RunConfig()


def test_nothing_is_the_default_in_a_part_too(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("latency: {warmup_s: ~}\ncost: {hr_width: ~}")
    assert load_config(tmp_path / "run.yaml", {}) == RunConfig()


@pytest.mark.parametrize("form", ["weights: 'lapsrn@4={}'", "weights: ['lapsrn@4={}']"])
def test_weights_are_written_as_on_the_command_line(tmp_path: Path, form: str) -> None:
    file = tmp_path / "a,b.safetensors"
    file.touch()
    (tmp_path / "run.yaml").write_text(form.format(file))
    (weights,) = load_config(tmp_path / "run.yaml", {}).weights
    assert (weights.variant, weights.scale, weights.path) == ("lapsrn", 4, file)


def test_paths_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "w.pth").write_bytes(b"x")
    text = (
        "data_root: ~/data\nresults: ~/runs/a\nreport: ~/r\ndataset_folders: {x: ~/photos}\n"
        "weights: ['ms-lapsrn=~/w.pth']\n"
    )
    (tmp_path / "run.yaml").write_text(text)
    config = load_config(tmp_path / "run.yaml", {"variants": ("ms-lapsrn",)})
    assert config.data_root == tmp_path / "data"
    assert config.results == tmp_path / "runs" / "a"
    assert config.report == tmp_path / "r"
    assert config.dataset_folders == {"x": tmp_path / "photos"}
    assert config.weights[0].path == tmp_path / "w.pth"
    with pytest.raises(DataError, match=f"no folder {re.escape(str(tmp_path / 'nothing'))}"):
        open_folder("x", Path("~/nothing"))


def test_weights_that_are_neither_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("weights: [lapsrn]")
    with pytest.raises(ConfigError, match="NAME=FILE"):
        load_config(tmp_path / "run.yaml", {})


@pytest.mark.parametrize(
    "name", ["variants", "scales", "datasets", "only", "protocols", "dtypes", "backends"]
)
@pytest.mark.parametrize("empty", ["[]", "''", "','"])
def test_nothing_to_measure_is_refused_in_a_sentence(tmp_path: Path, name: str, empty: str) -> None:
    (tmp_path / "run.yaml").write_text(f"{name}: {empty}")
    with pytest.raises(ConfigError, match=f"^{name} is empty: name some"):
        load_config(tmp_path / "run.yaml", {})


def test_no_datasets_but_ones_own(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("datasets: []\ndataset_folders: {mine: photos}")
    assert load_config(tmp_path / "run.yaml", {}).datasets == ()


@pytest.mark.parametrize("kind", ["foo", "costs", "pictures,qualty"])
def test_an_unknown_kind_of_job_is_told_with_those_that_there_are(kind: str) -> None:
    with pytest.raises(ConfigError, match="unknown kind of job ") as caught:
        load_config(None, {"only": tuple(kind.split(","))})
    assert "Known: " in str(caught.value) or "Did you mean" in str(caught.value)
    assert "Input should" not in str(caught.value)


def test_settings_are_fields_and_fields_of_parts() -> None:
    given = {"latency": {"batch": (2,)}, "limit": 3}
    settings = ["latency.max_s=5", "scales=[2, 4]", "dataset_folders.holiday=photos", "data_root=~"]
    config = load_config(None, with_settings(given, settings))
    latency = config.part(LatencyConfig)
    assert (latency.max_s, latency.batch, config.limit) == (5.0, (2,), 3)
    assert config.scales == (2, 4)
    assert config.dataset_folders == {"holiday": Path("photos")}
    assert config.data_root is None


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (["latency"], "'latency' is not NAME=VALUE"),
        (["=3"], "is not NAME=VALUE"),
        (["latency.=3"], "is not NAME=VALUE"),
        (["limt=3"], "Did you mean limit"),
        (["limit=0"], "limit: .*greater than or equal to 1"),
        (["limit=1", "limit=2"], "limit is given twice"),
        (["latency.max_s=1", "latency.max_s=2"], "latency.max_s is given twice"),
        (["latency=3", "latency.max_s=2"], "latency.max_s is given twice"),
        (["latency.maxs=1"], "latency.maxs"),
        (["limit.x=1"], "limit: "),
        (["scales=[2"], "--set scales="),
        (["workers=!!python/object:os.system {}"], "--set workers"),
    ],
)
def test_settings_that_do_not_fit_are_one_sentence(settings: list[str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        load_config(None, with_settings({}, settings))


@pytest.mark.parametrize(
    "values",
    [
        {"cost": {"hr_height": 2**31}},
        {"latency": {"cpu_hr_width": 2**31}},
        {"latency": {"lr_sizes": ("99999999999x5",)}},
        {"latency": {"batch": (2**40,)}},
        {"limit": 2**40},
    ],
)
def test_no_number_is_beyond_what_specs_hold(values: dict[str, Any]) -> None:
    """Else a job's spec, which is checked once more, would end the run with a traceback."""
    with pytest.raises(ConfigError):
        load_config(None, values)
