"""``run --network``: a network of one's own as a row, and what goes wrong with it."""

import csv
import json
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.jobs.config import load_config
from harness.jobs.plan import make_plan
from tests.jobs.conftest import Harness, expect_one_sentence
from variants.catalog import forget_variant
from variants.errors import VariantError

NET = '''
from torch import nn


class Rgb3(nn.Module):
    """3x, RGB, of sizes that are multiples of 4."""

    colour, multiple = "rgb", 4

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 27, 3, padding=1)
        self.up = nn.PixelShuffle(3)

    def forward(self, x):
        assert x.shape[2] % 4 == x.shape[3] % 4 == 0
        return self.up(self.conv(x))


def luma(scale):
    return nn.Sequential(nn.Conv2d(1, scale**2, 3, padding=1), nn.PixelShuffle(scale))
'''
RUN_YAML = """
networks:
  rgb3: my_net:Rgb3
  luma: {from: "my_net.py:luma", scales: [3], label: Mine}
variants: bicubic
baseline: bicubic
scales: 3
protocols: [matlab_y, python_rgb]
dataset_folders: {photos: photos}
datasets: []
only: cost, quality, pictures
results: out
"""


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_networks_are_full_rows(harness: Harness, images: Path, tmp_path: Path) -> None:
    (tmp_path / "my_net.py").write_text(NET)
    (tmp_path / "run.yaml").write_text(RUN_YAML)
    done = harness("run", "--config", "run.yaml")
    assert done.returncode == 0, done.stderr
    costs = {row["variant"]: row for row in rows(tmp_path / "out" / "cost.csv")}
    assert set(costs) == {"bicubic", "rgb3", "luma"}
    # 1280x720 is no multiple of 3.
    assert {(c["hr_width"], c["hr_height"]) for c in costs.values()} == {("1278", "720")}
    assert costs["luma"]["label"] == "Mine"
    # 426x240 pixels; RGB is padded to 428x240.
    assert float(costs["luma"]["macs"]) == 9 * 9 * 426 * 240
    assert float(costs["rgb3"]["macs"]) == 3 * 9 * 27 * 428 * 240
    assert costs["rgb3"]["macs_flop_counter"] == costs["rgb3"]["macs"]
    quality = rows(tmp_path / "out" / "quality.csv")
    assert {row["status"] for row in quality} == {"done"}
    assert len(quality) == 6
    for row in quality:
        assert bool(row["psnr_rgb"]) == (row["protocol"] == "python_rgb")
        assert 0 < float(row["psnr_y"]) < 60
    report = (tmp_path / "out" / "report" / "report.md").read_text("utf-8")
    assert "could not be made" not in report
    assert "| rgb3 |" in report
    assert "PSNR (RGB) (dB)" in report

    # An edit of the module measures its networks again, and nothing else.
    before = {path.name for path in (tmp_path / "out" / "jobs").iterdir()}
    (tmp_path / "my_net.py").write_text(NET + "# edited\n")
    done = harness("run", "--config", "run.yaml", "--only", "quality", "--protocol", "matlab_y")
    assert done.returncode == 0, done.stderr
    new = {path.name for path in (tmp_path / "out" / "jobs").iterdir()} - before
    assert {name.split("-")[1] for name in new} == {"rgb3", "luma"}
    for name in new:
        spec = json.loads((tmp_path / "out" / "jobs" / name).read_text("utf-8"))["spec"]
        assert spec["weights"]["label"] == "own"
        assert len(spec["variant"]["plugins"]["network"]) == 64


BAD = {
    "no module": ("x=nowhere:Net", "network x: module nowhere cannot be imported"),
    "no factory": ("x=net_of_mine:Nothing", "net_of_mine has no Nothing"),
    "no file": ("x=nowhere.py:Net", "cannot read plug-in"),
    "neither": ("x=net_of_mine", "is none of module:factory, FILE.py:factory and a file"),
    "no name": ("=net_of_mine:luma", "is not NAME=FROM"),
    "taken": ("bicubic=net_of_mine:luma", "'bicubic' is there already"),
    "no spandrel": ("x=net_of_mine.py.pth", "cannot read"),
}


@pytest.mark.parametrize("source", [text for text, _ in BAD.values() if text[0] == "x"], ids=str)
def test_a_network_that_cannot_be_had_is_one_sentence(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net_of_mine.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    name, _, where = source.partition("=")
    with pytest.raises((HarnessError, VariantError)) as caught:
        load_config(None, {"networks": {name: where}})
    assert dict(BAD.values())[source] in str(caught.value)


@pytest.mark.parametrize("source", [text for text, _ in BAD.values() if text[0] != "x"], ids=str)
def test_a_bad_name_is_one_sentence(harness: Harness, tmp_path: Path, source: str) -> None:
    (tmp_path / "net_of_mine.py").write_text(NET)
    expect_one_sentence(harness("run", "--network", source), dict(BAD.values())[source])


def test_a_scale_needs_a_network_that_is_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net_for_scales.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.networks.brought._BROUGHT", {})
    monkeypatch.setattr("harness.system.plugins.ALSO", {})
    monkeypatch.syspath_prepend(tmp_path)
    given = {"networks": {"rgb3": "net_for_scales:Rgb3"}, "variants": ("bicubic",), "only": "cost"}
    try:
        config = load_config(None, {**given, "scales": (2, 3)})
        assert config.variants == ("bicubic", "rgb3")
        planned = [(variant.name, scale) for variant, scale in make_plan(config).networks]
        assert planned == [("bicubic", 2), ("bicubic", 3), ("rgb3", 3)]
        with pytest.raises(HarnessError, match="not 5: no network of this run is for 5x"):
            load_config(None, {**given, "scales": (5,)})
        with pytest.raises(HarnessError, match="rgb3 would be measured nowhere: it is for 3x"):
            make_plan(load_config(None, given))
        with pytest.raises(HarnessError, match="rgb3 brings its own weights"):
            load_config(None, {**given, "weights": ("rgb3=net_for_scales.py",)})
    finally:
        forget_variant("rgb3")
