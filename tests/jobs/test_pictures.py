"""Pictures jobs save what reports show."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from harness.jobs.pictures.run import busiest_box
from tests.jobs.conftest import Harness


def test_the_busiest_box_has_the_detail() -> None:
    y = np.full((200, 300), 0.5)
    y[120:160, 210:250] = np.random.default_rng(0).random((40, 40))
    top, left, height, width = busiest_box(y, border=4)
    assert (height, width) == (96, 96)
    assert top <= 120 <= 160 <= top + height
    assert left <= 210 <= 250 <= left + width


def test_a_box_never_leaves_a_small_image() -> None:
    y = np.random.default_rng(1).random((40, 300))
    top, left, height, width = busiest_box(y, border=8)
    assert (top, height) == (8, 24)
    assert 8 <= left <= left + width <= 292


def test_crops_are_saved_and_described(harness: Harness, images: Path) -> None:
    outcome = harness(
        *("run", "--variants", "bicubic", "--scales", "2", "--dataset", f"photos={images}"),
        *("--only", "quality,pictures", "--results", "out"),
    )
    assert outcome.returncode == 0, outcome.stderr
    (path,) = Path("out/jobs").glob("pictures-*.json")
    (crop,) = json.loads(path.read_text())["result"]["crops"]
    assert crop["image"] == "image0.png"
    top, left, height, width = crop["box"]
    with Image.open(images / "image0.png") as image:
        original = np.asarray(image)[top : top + height, left : left + width]
    shown = {
        kind: np.asarray(Image.open(Path("out", file))) for kind, file in crop["files"].items()
    }
    assert np.array_equal(shown["hr"], original)
    assert shown["sr"].shape == original.shape
    assert shown["error"].shape == (height, width)
    assert shown["error"].max() > 0
