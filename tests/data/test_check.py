"""`data check` and `data list`: a wrong or incomplete dataset is caught before it is used."""

import hashlib
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from harness.commands.data import command
from harness.data.check import BaselineCheck, check_baseline, check_bytes
from harness.data.datasets import find_dataset, get_info, open_folder
from harness.data.sources import all_sources
from harness.errors import ConfigError, DataError
from tests.commands.invoke import invoke

DATA = os.environ.get("HARNESS_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="HARNESS_DATA is not set")


run = partial(invoke, command)


@pytest.fixture
def not_set5(tmp_path: Path) -> Path:
    """Five images that are not Set5's, under its name."""
    (tmp_path / "Set5").mkdir()
    for path in find_dataset("embedded").images[2:7]:
        shutil.copy(path, tmp_path / "Set5")
    return tmp_path


def test_another_dataset_under_the_name_is_caught(not_set5: Path) -> None:
    result = run("check", "Set5", "--data-root", not_set5)
    assert result.return_value == 1
    assert "5 of 5 images in" in result.output
    assert "0 of 5 identical to the pinned public ones; 5 differ (camera.png" in result.output
    assert "DIFFERS from the paper's 33.69 dB, 0.931" in result.output
    assert "not the dataset of the paper's figures" in result.output


def test_without_the_baseline_only_files_are_compared(not_set5: Path) -> None:
    result = run("check", "set5", "--no-baseline", "--data-root", not_set5)
    assert result.return_value == 0
    assert "dB" not in result.output


def test_an_incomplete_copy_is_caught(not_set5: Path) -> None:
    (not_set5 / "Set5" / "camera.png").unlink()
    result = run("check", "Set5", "--data-root", not_set5)
    assert result.return_value == 1
    assert "4 of 5 images" in result.output
    assert "INCOMPLETE: 5 images were expected. To get it: `python -m harness" in result.output


def test_a_damaged_image_is_named(not_set5: Path) -> None:
    (not_set5 / "Set5" / "camera.png").write_bytes(b"nothing")
    result = run("check", "Set5", "--data-root", not_set5)
    assert result.return_value == 1
    assert "BAD: cannot decode" in result.output
    assert "camera.png" in result.output


def test_a_missing_dataset_fails_only_if_it_was_named(tmp_path: Path) -> None:
    assert run("check", "--data-root", tmp_path).return_value == 0
    result = run("check", "Manga109", "--data-root", tmp_path)
    assert result.return_value == 1
    assert "manga109.org" in result.output


def test_list_says_where_and_how(not_set5: Path) -> None:
    result = run("list", "--data-root", not_set5)
    assert f"5 of 5 images in {not_set5 / 'Set5'}" in result.output
    assert "BSDS100 (or BSD100, B100): test, 100 images" in result.output
    assert "manga109.org" in result.output


def test_bytes_are_compared_whatever_the_files_are_called(tmp_path: Path) -> None:
    (tmp_path / "renamed.png").write_bytes(b"one")
    (tmp_path / "b.png").write_bytes(b"changed")
    digests = (hashlib.sha256(content).hexdigest() for content in (b"one", b"two"))
    sources = [replace(all_sources()[0], sha256=digest) for digest in digests]
    found = check_bytes(open_folder("x", tmp_path), sources)
    assert (found.identical, found.differing, found.absent) == (1, ("b.png",), 1)


@pytest.mark.parametrize(
    ("psnr", "ssim", "agrees"),
    [
        (33.6851, 0.9306, True),
        (33.6949, 0.9314, True),
        (33.684, 0.931, False),
        (33.69, 0.9316, False),
        (33.69, 0.9304, False),
    ],
)
def test_agreement_is_at_the_printed_digits(psnr: float, ssim: float, agrees: bool) -> None:
    assert BaselineCheck(2, psnr, ssim, 33.69, 0.931).agrees is agrees


def test_too_small_an_image_is_named(not_set5: Path) -> None:
    from PIL import Image

    Image.new("RGB", (5, 5)).save(not_set5 / "Set5" / "camera.png")
    with pytest.raises(DataError, match=r"camera\.png: an image of 5x5 pixels is too small"):
        check_baseline(open_folder("Set5", not_set5 / "Set5"), get_info("Set5"))


@needs_data
@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_the_real_datasets_give_the_papers_baseline(name: str) -> None:
    result = run("check", name)
    assert result.return_value == 0
    assert result.output.count("as in the paper") == 3


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["BSDS100", "Urban100"])
def test_the_large_datasets_give_the_papers_baseline(name: str) -> None:
    result = run("check", name)
    assert result.return_value == 0
    assert result.output.count("as in the paper") == 3


def test_fetch_needs_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    with pytest.raises(ConfigError, match="--data-root DIR or set HARNESS_DATA"):
        run("fetch", "Set5")
