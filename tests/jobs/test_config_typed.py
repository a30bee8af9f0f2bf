"""Configurations as people write them: one value for a list, a text with commas, nothing."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.jobs.config import RunConfig, load_config


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


def test_weights_that_are_neither_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("weights: [lapsrn]")
    with pytest.raises(ConfigError, match="NAME=FILE"):
        load_config(tmp_path / "run.yaml", {})
