"""Values that a network cannot stand for are refused wherever its output becomes pixels."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.errors import DataError
from harness.images.decode import read_image, write_image
from harness.jobs.base import Job
from harness.jobs.execute import execute
from harness.jobs.kinds import kinds
from harness.jobs.pictures import run as pictures
from harness.jobs.quality import run as quality
from harness.metrics.protocol import PROTOCOLS
from harness.networks.load import Network
from tests.jobs.conftest import Harness, expect_one_sentence


class Faulty:
    """Nearest neighbours, but for some pixels of large images."""

    channels = 1

    def __init__(self, value: float) -> None:
        self.value = value

    def luma(self, y: np.ndarray) -> np.ndarray:
        sr = y.repeat(2, 0).repeat(2, 1)
        if len(sr) > 40:
            sr[0, :5] = self.value
        return sr


def job(kind: str, images: Path, results: Path) -> Job:
    """Of a network that is no variant's."""
    spec = {
        "variant": {"name": "x", "architecture": {"upsampler": None}},
        "weights": {"label": "own", "sha256": None},
        "scale": 2,
        "dataset": {"name": "photos"},
        "protocol": PROTOCOLS["matlab_y"].as_dict(),
        "dtype": "float32",
        "save_images": True,
        "pictures": [{"image": "image2.png", "why": "test"}],
    }
    paths = [str(path) for path in sorted(images.iterdir())]
    return kinds()[kind].job(spec, {"images": paths, "results": str(results)})


@pytest.mark.parametrize("kind", ["quality", "pictures"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_job_fails_with_the_image_and_the_count(
    kind: str, value: float, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (quality, pictures):
        monkeypatch.setattr(module, "load_ready_network", lambda *_: Faulty(value))
    record = execute(job(kind, images, tmp_path))
    assert record.status == "failed"
    assert record.reason is not None
    assert "image2.png: " in record.reason
    assert "no finite number in 5 of 1,920 pixels" in record.reason
    assert not list(tmp_path.glob("*/*/image2.png"))


def test_a_wrong_size_names_the_image(images: Path) -> None:
    class Small(Network):
        def luma(self, y: np.ndarray) -> np.ndarray:
            return y

    network = Small(None, None, "cpu")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"image0\.png: the model gave 24x20 pixels where 48x40"):
        quality.evaluate_images(network, sorted(images.iterdir()), 2, PROTOCOLS["matlab_y"])


def test_images_that_differ_in_their_endings_are_kept_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "hr"
    folder.mkdir()
    for number, name in enumerate(("a.png", "a.bmp", "A.tif", "b.png", "a.png.png")):
        write_image(folder / name, np.full((24, 24), 50 * number, np.uint8))
    monkeypatch.setattr(quality, "load_ready_network", lambda *_: Faulty(0.5))
    record = execute(job("quality", folder, tmp_path))
    assert record.status == "done", record.reason
    kept = {path.name for path in tmp_path.glob("images/*/*")}
    assert kept == {f"{path.name}.png" for path in folder.iterdir()}
    for path in folder.iterdir():
        (sr,) = tmp_path.glob(f"images/*/{path.name}.png")
        assert read_image(sr)[12, 12] == read_image(path)[12, 12]


@pytest.mark.parametrize("second", ["HR", "hr"])
def test_a_run_refuses_two_datasets_of_one_name(
    harness: Harness, images: Path, second: str
) -> None:
    outcome = harness(
        *("run", "--variants", "bicubic", "--only", "quality", "--results", "out"),
        *("--dataset", f"HR={images}", "--dataset", f"{second}={images}"),
    )
    expect_one_sentence(outcome, "HR")
    assert not list(Path("out").glob("jobs/*"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode")
def test_names_in_another_encoding_stay_apart_and_are_taken_up_again(
    images: Path, harness: Harness
) -> None:
    """Of a dataset, of its folder and of its images, in records, tables, pictures and reports."""
    folder = images.with_name(os.fsdecode(b"caf\xe9"))
    folder.mkdir()
    for number, path in enumerate(sorted(images.iterdir())[:2]):
        path.rename(folder / os.fsdecode(b"im%c.png" % (0xE8 + number)))
    words = [
        *("run", "--variants", "bicubic", "--scales", "2", "--only", "quality,pictures"),
        *("--dataset", f"{folder.name}={folder}", "--results", "out"),
    ]
    outcome = harness(*words)
    assert outcome.returncode == 0, outcome.stderr
    table = Path("out/images.csv").read_text("utf-8")
    assert r"im\xe8.png" in table
    assert r"im\xe9.png" in table
    assert "2 taken from out" in harness(*words).stderr
    assert json.loads(Path("out/run.json").read_text("utf-8"))
