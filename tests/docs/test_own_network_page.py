"""The commands of the page on networks from outside run as they stand there."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.jobs.config import load_config
from harness.jobs.plan import make_plan
from tests.docs.test_docs import ROOT, blocks
from variants.catalog import forget_variant

PAGE = ROOT / "docs" / "your-own-network.md"


def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    (tmp_path / "my_net.py").write_text(blocks(PAGE, "python")[0])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment.pop("HARNESS_DATA", None)
    for line in blocks(PAGE, "sh")[0].splitlines():
        command = [sys.executable, *line.split()[1:]]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    with (tmp_path / "runs" / "latest" / "quality.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["variant"] == "mine"]
    measured = {(row["scale"], row["protocol"], row["status"]) for row in rows}
    assert measured == {
        *{("3", "matlab_y", "done"), ("4", "matlab_y", "done"), ("4", "python_rgb", "done")}
    }


def test_the_yaml_of_the_page_is_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_net.py").write_text(blocks(PAGE, "python")[0])
    (tmp_path / "run.yaml").write_text(blocks(PAGE, "yaml")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("harness.networks.brought._BROUGHT", {})
    monkeypatch.setattr("harness.system.plugins.ALSO", {})
    monkeypatch.setattr("harness.system.plugins._LOADED", {})
    try:
        config = load_config(tmp_path / "run.yaml", {"only": "cost"})
        planned = {(variant.name, scale) for variant, scale in make_plan(config).networks}
    finally:
        forget_variant("mine")
        forget_variant("other")
    assert planned == {
        *{("mine", 3), ("mine", 4), ("other", 4), ("ms-lapsrn", 4), ("bicubic", 3), ("bicubic", 4)}
    }
