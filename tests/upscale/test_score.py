"""`harness score`: other programs' images get our protocol's figures and a row."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from harness.commands.data import command as data_command
from harness.commands.score import command
from harness.commands.upscale import command as upscale_command
from harness.data.datasets import open_folder
from harness.errors import ConfigError, DataError
from harness.images.decode import read_image, write_image
from harness.images.imresize import imresize
from harness.jobs.base import Record
from harness.jobs.config import RunConfig
from harness.jobs.quality.external import full_range_luma, match_files, score_folder
from harness.jobs.store import ResultsFolder
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.sample import compose, prepare, score
from harness.report.render import render_report
from harness.running import run as execute
from tests.commands.invoke import invoke
from variants.errors import UnknownNameError

RNG = np.random.default_rng(11)
PROTOCOL = PROTOCOLS["matlab_y"]


run = partial(invoke, command)


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


def stored(record: Record) -> dict[str, Any]:
    """The result as its file holds it."""
    return record.as_dict()["result"]


def test_figures_are_those_of_the_protocol(hr: Path, sr: Path) -> None:
    record = score_folder(sr, open_folder("mine", hr), 4, "other", PROTOCOL)
    expected = []
    for path in sorted(hr.iterdir()):
        sample = prepare(read_image(path), 4, PROTOCOL)
        expected.append(score(sample, read_image(sr / f"{path.stem}_x4.png"), PROTOCOL))
    result = stored(record)
    rows = result["images"]
    assert [row["image"] for row in rows] == ["a.png", "b.png", "grey.png"]
    assert [row["psnr_y"] for row in rows] == [e["psnr_y"] for e in expected]
    assert result["psnr_y"] == pytest.approx(np.mean([e["psnr_y"] for e in expected]))
    assert result["ssim_y"] == pytest.approx(np.mean([e["ssim_y"] for e in expected]))
    assert (rows[0]["hr_height"], rows[0]["hr_width"]) == (44, 48)


def test_perfect_images_score_perfectly(hr: Path) -> None:
    folder = hr.with_name("same")
    folder.mkdir()
    for path in hr.iterdir():
        pixels = read_image(path)
        write_image(folder / path.name, pixels[: len(pixels) // 2 * 2, : pixels.shape[1] // 2 * 2])
    result = stored(score_folder(folder, open_folder("mine", hr), 2, "other", PROTOCOL))
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
    assert second.cell_key == first.cell_key
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
def test_names_may_have_endings(tmp_path: Path, hr_name: str, name: str) -> None:
    image = tmp_path / "hr" / hr_name
    (tmp_path / name).write_bytes(b"")
    (tmp_path / "babylon.png").write_bytes(b"")
    assert match_files([image], tmp_path) == ({image: tmp_path / name}, {})


def test_a_file_belongs_to_the_longest_name(tmp_path: Path) -> None:
    for name in ("img_1_x2.png", "img_1_1_x2.png", "img_11_x2.png"):
        (tmp_path / name).write_bytes(b"")
    images = [Path("img_1.png"), Path("img_1_1.png"), Path("img_11.png")]
    found, _ = match_files(images, tmp_path)
    assert [found[image].name for image in images] == [
        "img_1_x2.png",
        "img_1_1_x2.png",
        "img_11_x2.png",
    ]


def test_the_same_name_wins_and_two_others_are_too_many(tmp_path: Path) -> None:
    for name in ("a_x2.png", "a_x4.png"):
        (tmp_path / name).write_bytes(b"")
    pairs, problems = match_files([Path("a.png"), Path("b.png")], tmp_path)
    assert not pairs
    assert "which of a_x2.png, a_x4.png is the upscaled a.png" in problems[Path("a.png")]
    assert "has no image for b.png; a name must begin" in problems[Path("b.png")]
    for name in ("a.bmp", "a.png"):
        (tmp_path / name).write_bytes(b"")
        assert match_files([Path("a.png")], tmp_path) == ({Path("a.png"): tmp_path / name}, {})


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (("a.png", "a.bmp"), ("a.png", "a.bmp")),
        (("a.png", "a.bmp"), ("a.png.png", "a.bmp.png")),
        (("a.png", "A.tif", "b.png"), ("a.png_x4.png", "a.tif_x4.png", "b.png.png")),
        (("baby.png", "baby_HR.png"), ("baby.png", "baby_HR.png")),
        (("Ford Focus.png", "Ford GT.png"), ("Ford Focus_x4.png", "Ford GT_x4.png")),
        (("caf\u00e9.png", "b.png"), ("cafe\u0301_x4.png", "b.png")),
    ],
)
def test_images_of_nearly_one_name_are_kept_apart(
    tmp_path: Path, names: tuple[str, ...], files: tuple[str, ...]
) -> None:
    for file in files:
        (tmp_path / file).write_bytes(b"")
    pairs, problems = match_files([Path(name) for name in names], tmp_path)
    assert [path.name for path in pairs.values()] == list(files)
    assert not problems


def test_names_that_nothing_tells_apart_are_said(tmp_path: Path) -> None:
    names = ("A.png", "a.png", "b.png", "cafe\u0301.png", "caf\u00e9.png")
    with pytest.raises(DataError) as error:
        match_files([Path(name) for name in names], tmp_path)
    assert "A.png, a.png, cafe\u0301.png, caf\u00e9.png have names" in str(error.value)


def test_no_image_at_all_is_bad_input(hr: Path, sr: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        score_folder(sr / "none", open_folder("mine", hr), 4, "other", PROTOCOL)
    with pytest.raises(DataError, match=r"has no image for x\.png; a name must begin"):
        match_files([Path("x.png")], sr)


def spoil(sr: Path, how: str) -> None:
    """Make a_x4.png an image that cannot be scored."""
    target = sr / "a_x4.png"
    pixels = read_image(target)
    target.unlink()
    if how == "damaged":
        target.write_bytes(b"nothing")
    elif how == "of another size":
        write_image(target, pixels[:40])
    elif how == "grey":
        write_image(target, pixels[..., 0])
    elif how == "there twice":
        write_image(sr / "a_x2.png", pixels)
        write_image(sr / "a_x3.png", pixels)


WHY = {
    "missing": r"has no image for a\.png; a name must begin",
    "damaged": r"cannot decode .*a_x4\.png",
    "of another size": r"a_x4\.png has 48x40 pixels where 48x44 are expected: a\.png, cropped",
    "grey": r"is grey, and its HR image a\.png is in colour",
    "there twice": r"which of a_x2\.png, a_x3\.png is the upscaled a\.png",
}


@pytest.mark.parametrize("how", WHY)
def test_one_image_stops_no_other_and_makes_no_mean_of_fewer(
    how: str, hr: Path, sr: Path, tmp_path: Path
) -> None:
    dataset = open_folder("mine", hr)
    whole = score_folder(sr, dataset, 4, "other", PROTOCOL)
    spoil(sr, how)
    results = tmp_path / "results"
    options = ("--dataset", f"mine={hr}", "--scale", "4", "--results", results, "--name", "other")
    outcome = run(sr, *options)
    assert outcome.return_value == 1
    assert re.search(f"Failed: .*{WHY[how]}", outcome.output)
    assert "2 of 3 images scored" in outcome.output
    (record,) = ResultsFolder(results).read().values()
    assert record.status == "failed"
    assert record.result is None
    assert record.left["images"] == stored(whole)["images"][1:]
    assert list(record.left["missing"]) == ["a.png"]
    assert record.reason is not None
    assert re.search(rf"1 of 3 images could not be scored, .*: .*{WHY[how]}", record.reason)
    assert pd.read_csv(results / "images.csv").empty
    assert list(pd.read_csv(results / "quality.csv").status) == ["failed"]
    paths = render_report(results, tmp_path / "report")
    text = next(path for path in paths if path.name == "report.md").read_text("utf-8")
    assert "1 of 3 images could not be scored" in text


def test_a_grey_image_is_compared_by_luma(hr: Path, sr: Path) -> None:
    dataset = open_folder("mine", hr)
    before = stored(score_folder(sr, dataset, 4, "other", PROTOCOL))
    grey = read_image(sr / "grey_x4.png")
    write_image(sr / "grey_x4.png", np.dstack([grey] * 3))
    again = stored(score_folder(sr, dataset, 4, "other", PROTOCOL))
    assert again["images"] == before["images"]
    rgb = RNG.integers(0, 256, (*grey.shape, 3), dtype=np.uint8)
    write_image(sr / "grey_x4.png", rgb)
    row = stored(score_folder(sr, dataset, 4, "other", PROTOCOL))["images"][2]
    luma = rgb @ [0.299, 0.587, 0.114] / 255
    sample = prepare(read_image(hr / "grey.png"), 4, PROTOCOL)
    expected = score(sample, luma, PROTOCOL)
    assert (row["psnr_y"], row["ssim_y"]) == pytest.approx((expected["psnr_y"], expected["ssim_y"]))


def test_grey_levels_are_their_own_luma() -> None:
    levels = np.arange(256, dtype=np.uint8)[None]
    assert full_range_luma(np.dstack([levels] * 3)) == pytest.approx(levels / 255, abs=1e-12)


def test_a_colour_file_without_colour_takes_a_grey_one(hr: Path, sr: Path) -> None:
    grey = read_image(hr / "grey.png")
    write_image(hr / "grey.png", np.dstack([grey] * 3))
    write_image(hr / "a.png", np.dstack([grey] * 3))
    sr_grey = read_image(sr / "grey_x4.png")
    write_image(sr / "a_x4.png", np.dstack([sr_grey] * 3))
    rows = stored(score_folder(sr, open_folder("mine", hr), 4, "other", PROTOCOL))["images"]
    assert rows[0]["psnr_y"] == rows[2]["psnr_y"]


def test_bad_names_and_images(hr: Path, sr: Path) -> None:
    dataset = open_folder("mine", hr)
    with pytest.raises(ConfigError, match="'ms-lapsrn' is a variant of this harness"):
        score_folder(sr, dataset, 4, "ms-lapsrn", PROTOCOL)
    with pytest.raises(ConfigError, match="must not be empty"):
        score_folder(sr, dataset, 4, " ", PROTOCOL)
    with pytest.raises(UnknownNameError, match="matlab_y"):
        run(sr, "--dataset", f"m={hr}", "--scale", "4", "--name", "x", "--protocol", "matlab")


@pytest.mark.parametrize("protocol", [*PROTOCOLS])
def test_by_way_of_files_a_network_has_the_figures_that_a_run_gives_it(
    hr: Path, tmp_path: Path, protocol: str
) -> None:
    """Shrink, another program (here ``upscale``) and score, all by default."""
    config = RunConfig(
        variants=("ms-lapsrn",),
        scales=(2,),
        dataset_folders={"mine": hr},
        only=("quality",),
        protocols=(protocol,),
        results=tmp_path / "results",
    )
    execute(config)
    invoke(data_command, "shrink", f"mine={hr}", "--scale", "2", "-o", tmp_path / "lr")
    upscale = (tmp_path / "lr" / protocol, "--variant", "ms-lapsrn", "--scale", "2")
    invoke(upscale_command, *upscale, "-o", tmp_path / "sr")
    scored = run(tmp_path / "sr", "--dataset", f"mine={hr}", "--scale", "2", "--name", "by files",
                 "--results", config.results)  # fmt: skip
    assert f"Protocol {protocol}, as" in scored.output
    table = pd.read_csv(tmp_path / "results" / "images.csv")
    ours, by_files = (table[table.variant == name] for name in ("ms-lapsrn", "by files"))
    assert set(table.protocol) == {protocol}
    assert list(ours.image) == list(by_files.image) == ["a.png", "b.png", "grey.png"]
    # A pixel in thousands may round the other way where sums are taken in another order.
    assert np.abs(ours.psnr_y.to_numpy() - by_files.psnr_y.to_numpy()).max() < 2e-4
    assert np.abs(ours.ssim_y.to_numpy() - by_files.ssim_y.to_numpy()).max() < 2e-5


def test_the_note_must_fit_and_is_asked_for_by_name(hr: Path, sr: Path, tmp_path: Path) -> None:
    options = (sr, "--dataset", f"mine={hr}", "--name", "x", "--results", tmp_path / "results")
    assert "taken as made from LR images of matlab_y" in run(*options, "--scale", "4").output
    invoke(data_command, "shrink", f"mine={hr}", "--scale", "4", "-o", tmp_path / "lr")
    lr = ("--lr", tmp_path / "lr" / "python_y")
    assert "mine 4x, python_y" in run(*options, "--scale", "4", *lr).output
    with pytest.raises(ConfigError, match=r"contradicts .*lr.json, which says python_y"):
        run(*options, "--scale", "4", *lr, "--protocol", "matlab_y")
    with pytest.raises(DataError, match="shrunk 4 times, not 2 times"):
        run(*options, "--scale", "2", *lr)
    with pytest.raises(DataError, match=r"no lr.json in .*; `harness data shrink` writes one"):
        run(*options, "--scale", "4", "--lr", tmp_path)
    (tmp_path / "lr.json").write_text("[]")
    with pytest.raises(DataError, match="it is no note of `data shrink`"):
        run(*options, "--scale", "4", "--lr", tmp_path)
    write_image(hr / "a.png", np.zeros((45, 50, 3), np.uint8))
    with pytest.raises(DataError, match="of other HR images"):
        run(*options, "--scale", "4", *lr)


def test_images_at_a_scale_that_our_networks_have_not_are_a_row(hr: Path, tmp_path: Path) -> None:
    (tmp_path / "sr").mkdir()
    for path in hr.iterdir():
        sample = prepare(read_image(path), 3, PROTOCOL)
        write_image(tmp_path / "sr" / path.name, compose(sample, imresize(sample.lr_y, 3)))
    out = tmp_path / "out"
    given = (tmp_path / "sr", "--dataset", f"photos={hr}", "--scale", "3", "--name", "theirs")
    assert run(*given, "--results", out).return_value == 0
    config = RunConfig(
        variants=("bicubic",),
        baseline="bicubic",
        scales=(2,),
        only=("quality",),
        dataset_folders={"photos": hr},
        results=out,
    )
    assert execute(config) == 0
    table = pd.read_csv(out / "quality.csv").set_index("variant")
    assert table.scale["theirs"] == 3
    assert "theirs" in (out / "report" / "report.md").read_text("utf-8")


def test_what_somebody_says_of_its_cost_is_shown_with_the_source(
    hr: Path, sr: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    given = (sr, "--dataset", f"photos={hr}", "--scale", "4", "--results", out)
    told = ("--params", "1.5M", "--macs", "114G", "--ms", "35.5", "--source", "A <b>")
    outcome = run(*given, "--name", "theirs", *told)
    assert outcome.return_value == 0, outcome.output
    config = RunConfig(
        variants=("ms-lapsrn",),
        scales=(4,),
        only=("cost", "quality"),
        dataset_folders={"photos": hr},
        results=out,
    )
    assert execute(config) == 0
    costs = pd.read_csv(out / "cost.csv").set_index("variant")
    assert (costs.params["theirs"], costs.macs["theirs"]) == (1_500_000, 114e9)
    page = (out / "report" / "report.html").read_text()
    note = "Parameters and MACs of theirs are not counted here: A &lt;b&gt; says them."
    assert note in page
    assert "as A &lt;b&gt; says" in page
    assert (
        "A &lt;b&gt; says that a forward pass of theirs at 4\u00d7 takes 35.50 ms, for "
        "1280\u00d7720 pixels."
    ) in page
    assert page.count("not counted here<") == 4
    assert "A <b>" not in page
    # No network of ours is called larger or smaller than it.
    assert "theirs is the" not in page


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--params", "5"], "--params, --macs and --source go together"),
        (["--ms", "5"], "go together, and --ms with them"),
        (["--params", "1", "--macs", "5", "--source", "a", "--ms", "0"], "no time in milliseconds"),
        (["--params", "1", "--macs", "5", "--source", "a", "--ms", "nan"], "no time in milli"),
        (["--params", "5", "--macs", "5", "--source", " "], "go together"),
        (["--params", "x", "--macs", "5", "--source", "a"], "no amount such as"),
        (["--params", "-1", "--macs", "5", "--source", "a"], "no amount such as"),
        (["--params", "nan", "--macs", "5", "--source", "a"], "no amount such as"),
        (["--params", "1", "--macs", "", "--source", "a"], "no amount such as"),
        (["--hr-size", "1280"], "no size in pixels"),
        (["--hr-size", "0x5"], "no size in pixels"),
        (["--hr-size", "99999999999x5"], "no size in pixels"),
    ],
)
def test_half_a_cost_is_refused(
    hr: Path, sr: Path, tmp_path: Path, more: list[str], words: str
) -> None:
    given = [str(sr), "--dataset", f"photos={hr}", "--scale", "4", "--name", "theirs"]
    outcome = CliRunner().invoke(command, [*given, "--results", str(tmp_path / "out"), *more])
    assert outcome.exit_code == 2
    assert words in outcome.stderr
    assert not (tmp_path / "out").exists()
