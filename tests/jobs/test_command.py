"""The command line that a run stores makes the same run again."""

import shlex
from pathlib import Path
from typing import Any

import click
import pytest

import variants
from harness.commands import run as module
from harness.jobs.command import command_of
from harness.jobs.config import RunConfig
from harness.networks.weights import WeightsFile
from tests.commands.invoke import invoke
from variants.weights.files import save_weights

CONFIGS: list[dict[str, Any]] = [
    {},
    {"variants": ("ms-lapsrn",), "scales": (2, 8), "limit": 3, "only": ("cost",)},
    {"dataset_folders": {"my pictures": Path("a b")}, "results": Path("r s"), "fold": True},
    {"latency": {"max_s": 5.0, "threads": (1, 2), "lr_sizes": ("320x180",)}, "workers": 2},
    {"weights": ("lapsrn@4=x y.pth", "ms-lapsrn=z.pth")},
    {"weights": ("trained",), "variants": ("ms-lapsrn", "lapsrn")},
    {"protocols": ("python_y",), "dtypes": ("bf16",), "backends": ("compile",), "train": "missing"},
]


@pytest.mark.parametrize("options", CONFIGS)
def test_the_command_gives_the_configuration_again(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in options.get("weights", ()):
        if "=" in text:
            Path(text.partition("=")[2]).touch()
            continue
        for name, scale in (("ms-lapsrn", 8), ("lapsrn", 2), ("cms-lapsrn-conv3", 8)):
            file = Path(text, name, f"{name}.safetensors")
            file.parent.mkdir(parents=True)
            network, variant = variants.create_model(name, scale), variants.get_variant(name)
            save_weights(network, file, variant, scale, {})
    read = map(WeightsFile.read, options.get("weights", ()))
    weights = tuple(file for files in read for file in files)
    wanted = RunConfig(**{**options, "weights": weights})
    words = shlex.split(command_of(wanted))
    assert words[:4] == ["python", "-m", "harness", "run"]
    found: list[RunConfig] = []

    def take(config: RunConfig, fresh: bool) -> int:
        found.append(config)
        return 0

    monkeypatch.setattr("harness.running.run", take)
    assert isinstance(module.command, click.Command)
    invoke(module.command, *words[4:])
    assert found == [wanted]


def test_only_what_differs_is_written() -> None:
    assert command_of(RunConfig()) == "python -m harness run --variants all"
    assert command_of(RunConfig(scales=(4,), data_root=Path("/d"))).endswith("--scales 4")
