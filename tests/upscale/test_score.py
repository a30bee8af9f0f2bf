"""`harness score`: other programs' images get our protocol's figures and a row."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from harness.commands.score import command
from harness.data.datasets import open_folder
from harness.data.shrink import write_lr
from harness.errors import ConfigError, DataError
from harness.images.decode import read_image, write_image
from harness.images.imresize import imresize
from harness.jobs.quality.external import match_files, score_folder
from harness.jobs.store import ResultsFolder
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.quality import compose, prepare, score
from harness.upscale.engine import Upscaler
from harness.upscale.files import pair_files, upscale_file
from harness.upscale.luma import BicubicLuma
from variants.errors import UnknownNameError

RNG = np.random.default_rng(11)
PROTOCOL = PROTOCOLS["matlab_y"]


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def hr(tmp_path: Path) -> Path:
    """Two colour images and a grey one, of sizes that no scale divides."""
    folder = tmp_path / "hr"
    folder.mkdir()
    for name, shape in (("a", (45, 50, 3)), ("b", (61, 43, 3)), ("grey", (50, 47))):
        write_image(folder / f"{name}.png", RNG.integers(0, 256, shape, dtype=np.uint8))
    return folder


@pytest.fixture
def sr(tmp_path: Path, hr: Path) -> Path:
    """What another program would make of them: bicubic, 4x."""
    folder = tmp_path / "sr"
    folder.mkdir()
    for path in hr.iterdir():
        sample = prepare(read_image(path), 4, PROTOCOL)
        write_image(folder / f"{path.stem}_x4.png", compose(sample, imresize(sample.lr_y, 4)))
    return folder


def test_figures_are_those_of_the_protocol(hr: Path, sr: Path) -> None:
    record = score_folder(sr, open_folder("mine", hr), 4, "other", PROTOCOL)
    expected = []
    for path in sorted(hr.iterdir()):
        sample = prepare(read_image(path), 4, PROTOCOL)
        expected.append(score(sample, read_image(sr / f"{path.stem}_x4.png"), PROTOCOL))
    rows = record.result["images"]
    assert [row["image"] for row in rows] == ["a.png", "b.png", "grey.png"]
    assert [row["psnr_y"] for row in rows] == [e.psnr_y for e in expected]
    assert record.result["psnr_y"] == pytest.approx(np.mean([e.psnr_y for e in expected]))
    assert record.result["ssim_y"] == pytest.approx(np.mean([e.ssim_y for e in expected]))
    assert (rows[0]["hr_height"], rows[0]["hr_width"]) == (44, 48)


def test_perfect_images_score_perfectly(hr: Path) -> None:
    folder = hr.with_name("same")
    folder.mkdir()
    for path in hr.iterdir():
        pixels = read_image(path)
        write_image(folder / path.name, pixels[: len(pixels) // 2 * 2, : pixels.shape[1] // 2 * 2])
    result = score_folder(folder, open_folder("mine", hr), 2, "other", PROTOCOL).result
    assert result["psnr_y"] == float("inf")
    assert result["ssim_y"] == pytest.approx(1)


def test_the_command_files_a_row(hr: Path, sr: Path, tmp_path: Path) -> None:
    options = ("--dataset", f"mine={hr}", "--scale", "4", "--results", tmp_path / "results")
    result = run(sr, *options, "--name", "other-model")
    assert "other-model, mine 4x, matlab_y:" in result.output
    run(sr, *options, "--name", "other-model", "--protocol", "python_y")
    run(sr, *options, "--name", "a third")
    table = pd.read_csv(tmp_path / "results" / "quality.csv")
    assert sorted(zip(table.variant, table.protocol, strict=True)) == [
        ("a third", "matlab_y"),
        ("other-model", "matlab_y"),
        ("other-model", "python_y"),
    ]
    assert set(table.status) == {"done"}
    assert len(pd.read_csv(tmp_path / "results" / "images.csv")) == 9


def test_other_images_are_another_record(hr: Path, sr: Path, tmp_path: Path) -> None:
    dataset = open_folder("mine", hr)
    first = score_folder(sr, dataset, 4, "other", PROTOCOL)
    assert score_folder(sr, dataset, 4, "other", PROTOCOL).id == first.id
    write_image(sr / "a_x4.png", np.zeros((44, 48, 3), np.uint8))
    second = score_folder(sr, dataset, 4, "other", PROTOCOL)
    assert second.id != first.id
    assert second.slot == first.slot
    folder = ResultsFolder(tmp_path / "results")
    with folder.locked():
        folder.write(first)
        folder.write(second)
        folder.collate(folder.read().values())
    table = pd.read_csv(tmp_path / "results" / "quality.csv")
    # Of two records for one cell the later one counts.
    assert list(table.job) == [second.id]


@pytest.mark.parametrize(
    "name",
    ["baby.png", "baby_x4.png", "babyx4.png", "BABY_SR.png", "babyx4_SR.png", "baby-EDSR_L.bmp"],
)
@pytest.mark.parametrize("hr_name", ["baby.png", "baby_HR.png", "baby_SRF_4_HR.png", "Baby_GT.bmp"])
def test_names_may_go_on(tmp_path: Path, hr_name: str, name: str) -> None:
    image = tmp_path / "hr" / hr_name
    (tmp_path / name).write_bytes(b"")
    (tmp_path / "babylon.png").write_bytes(b"")
    assert match_files([image], tmp_path) == {image: tmp_path / name}


def test_a_file_belongs_to_the_longest_name(tmp_path: Path) -> None:
    for name in ("img_1_x2.png", "img_1_1_x2.png", "img_11_x2.png"):
        (tmp_path / name).write_bytes(b"")
    images = [Path("img_1.png"), Path("img_1_1.png"), Path("img_11.png")]
    found = match_files(images, tmp_path)
    assert [found[image].name for image in images] == [
        "img_1_x2.png",
        "img_1_1_x2.png",
        "img_11_x2.png",
    ]


def test_the_same_name_wins_and_two_others_are_too_many(tmp_path: Path) -> None:
    for name in ("a_x2.png", "a_x4.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=r"which of a_x2\.png, a_x4\.png is the upscaled a\.png"):
        match_files([Path("a.png")], tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    assert match_files([Path("a.png")], tmp_path) == {Path("a.png"): tmp_path / "a.png"}


def test_missing_images_are_named(hr: Path, sr: Path) -> None:
    (sr / "b_x4.png").unlink()
    with pytest.raises(DataError, match=r"no image for b\.png; a name must begin"):
        score_folder(sr, open_folder("mine", hr), 4, "other", PROTOCOL)
    with pytest.raises(DataError, match="there is no folder"):
        score_folder(sr / "none", open_folder("mine", hr), 4, "other", PROTOCOL)


def test_wrong_sizes_are_named(hr: Path, sr: Path) -> None:
    with pytest.raises(
        DataError, match=r"a_x4\.png has 48x44 pixels where 50x44 are expected: a\.png, cropped"
    ):
        score_folder(sr, open_folder("mine", hr), 2, "other", PROTOCOL)


def test_grey_written_as_rgb_is_grey(hr: Path, sr: Path) -> None:
    dataset = open_folder("mine", hr)
    before = score_folder(sr, dataset, 4, "other", PROTOCOL).result
    grey = read_image(sr / "grey_x4.png")
    write_image(sr / "grey_x4.png", np.dstack([grey] * 3))
    assert score_folder(sr, dataset, 4, "other", PROTOCOL).result["psnr_y"] == before["psnr_y"]
    write_image(sr / "grey_x4.png", np.dstack([grey, grey, 255 - grey]))
    with pytest.raises(DataError, match=r"is in colour, and its HR image grey\.png is grey"):
        score_folder(sr, dataset, 4, "other", PROTOCOL)
    write_image(sr / "a_x4.png", read_image(sr / "a_x4.png")[..., 0])
    with pytest.raises(DataError, match=r"is grey, and its HR image a\.png is in colour"):
        score_folder(sr, dataset, 4, "other", PROTOCOL)


def test_bad_names_and_images(hr: Path, sr: Path) -> None:
    dataset = open_folder("mine", hr)
    with pytest.raises(ConfigError, match="'ms-lapsrn' is a variant of this harness"):
        score_folder(sr, dataset, 4, "ms-lapsrn", PROTOCOL)
    with pytest.raises(ConfigError, match="must not be empty"):
        score_folder(sr, dataset, 4, " ", PROTOCOL)
    with pytest.raises(UnknownNameError, match="matlab_y"):
        run(sr, "--dataset", f"m={hr}", "--scale", "4", "--name", "x", "--protocol", "matlab")
    (sr / "a_x4.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"cannot decode .*a_x4\.png"):
        score_folder(sr, dataset, 4, "other", PROTOCOL)


def test_shrink_upscale_score_is_the_protocol_in_three_commands(hr: Path, tmp_path: Path) -> None:
    """Files in between cost nothing under python_y, whose LR is what a file holds."""
    dataset, protocol = open_folder("mine", hr), PROTOCOLS["python_y"]
    write_lr(dataset, 2, tmp_path / "lr")
    upscaler = Upscaler(BicubicLuma(2), tile=16)
    for pair in pair_files(tmp_path / "lr", tmp_path / "up"):
        upscale_file(pair, upscaler)
    rows = score_folder(tmp_path / "up", dataset, 2, "ours", protocol).result["images"]
    for path, row in zip(dataset.images, rows, strict=True):
        sample = prepare(read_image(path), 2, protocol)
        expected = score(sample, compose(sample, imresize(sample.lr_y, 2)), protocol)
        # A pixel in thousands may round the other way where sums are taken in another order.
        assert row["psnr_y"] == pytest.approx(expected.psnr_y, abs=2e-4)
        assert row["ssim_y"] == pytest.approx(expected.ssim_y, abs=2e-5)
