"""Finding datasets: every layout in common use, and what is said when nothing is there."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.data import datasets
from harness.data.datasets import (
    Dataset,
    DatasetInfo,
    check_distinct,
    find_dataset,
    get_info,
    list_datasets,
    open_folder,
    register_dataset,
)
from harness.data.layouts import natural_key
from harness.errors import ConfigError, DataError
from harness.jobs.config import RunConfig
from harness.jobs.plan import Plan, find_datasets
from harness.system.environment import this_machine
from variants.errors import UnknownNameError, VariantError

NAMES = ["baby", "bird", "butterfly", "head", "woman"]


def put(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / name)


def stems(images: tuple[Path, ...]) -> list[str]:
    return [path.stem for path in images]


LAYOUTS = {
    "plain": ("Set5", "{}.png"),
    "HR": ("Set5/HR", "{}.png"),
    "hr, lower case": ("set5/hr", "{}.PNG"),
    "upper case": ("SET5", "{}.BMP"),
    "BasicSR original": ("Set5/original", "{}.png"),
    "BasicSR GTmod12": ("Set5/GTmod12", "{}.png"),
    "SelfExSR": ("Set5/image_SRF_4", "{}_SRF_4_HR.png"),
    "marked HR": ("Set5", "{}_HR.bmp"),
    "marked GT": ("Set5", "{}_GT.bmp"),
    "webp": ("Set5", "{}.webp"),
    "tiff": ("Set5", "{}.tif"),
    "jpeg": ("Set5", "{}.jpeg"),
}
COPIES = ("{}_LR.png", "{}_SRF_4_LR.png", "{}_SRF_4_bicubic.png", "{}x4.png", "{}_x2.png")


@pytest.mark.parametrize("copies", [False, True], ids=["alone", "with LR copies"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_found(tmp_path: Path, layout: str, copies: bool) -> None:
    folder, pattern = LAYOUTS[layout]
    put(tmp_path / folder, *(pattern.format(name) for name in NAMES))
    if copies:
        kept = {pattern.format(name) for name in NAMES}
        for copy in COPIES:
            # `x_SRF_4_LR` is a copy of `x_SRF_4_HR`; beside a plain `x` nobody writes it.
            if "SRF" not in copy or "SRF" in pattern:
                put(tmp_path / folder, *({copy.format(name) for name in NAMES} - kept))
    dataset = find_dataset("Set5", tmp_path)
    assert [path.name for path in dataset.images] == [pattern.format(name) for name in NAMES]
    assert dataset.complete
    assert dataset.name == "Set5"


@pytest.mark.parametrize(
    ("folder", "name"),
    [("B100", "BSDS100"), ("BSD100", "BSDS100"), ("bsds100", "BSDS100"), ("U100", "Urban100")],
)
def test_an_alias_is_found_under_either_name(tmp_path: Path, folder: str, name: str) -> None:
    put(tmp_path / folder / "HR", *(f"{n}.png" for n in range(1, 101)))
    for asked in (folder, name, name.lower()):
        dataset = find_dataset(asked, tmp_path)
        assert dataset.name == name
        assert len(dataset.images) == 100
    assert [path.stem for path in dataset.images] == [str(n) for n in range(1, 101)]


def test_the_layout_with_the_full_number_of_images_wins(tmp_path: Path) -> None:
    put(tmp_path / "Set5", "readme_picture.png")
    put(tmp_path / "Set5" / "GTmod12", *(f"{name}.png" for name in NAMES))
    assert find_dataset("Set5", tmp_path).images[0].parent.name == "GTmod12"


def test_the_folder_with_the_full_number_of_images_wins(tmp_path: Path) -> None:
    put(tmp_path / "BSDS100", "1.png")
    put(tmp_path / "B100", *(f"{n}.png" for n in range(100)))
    assert find_dataset("BSDS100", tmp_path).folder.name == "B100"


def test_an_incomplete_dataset_is_usable_but_says_so(tmp_path: Path) -> None:
    put(tmp_path / "Set5", "baby.png", "bird.png")
    dataset = find_dataset("set5", tmp_path)
    assert (len(dataset.images), dataset.expected_images, dataset.complete) == (2, 5, False)


def test_a_name_that_only_looks_like_a_copy_is_an_image(tmp_path: Path) -> None:
    put(tmp_path, "GT.png", "bmw_x4.png", "car.png", "lr.png", "sr-71.png")
    found = open_folder("cars", tmp_path)
    assert stems(found.images) == ["bmw_x4", "car", "GT", "lr", "sr-71"]
    assert found.expected_images is None
    assert found.complete


def test_hidden_and_other_files_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, "a.png", ".b.png")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder.png").mkdir()
    assert stems(open_folder("x", tmp_path).images) == ["a"]


def test_natural_order(tmp_path: Path) -> None:
    put(tmp_path, "t10.png", "t2.png", "T1.png")
    assert stems(open_folder("x", tmp_path).images) == ["T1", "t2", "t10"]


def test_what_is_said_when_a_dataset_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError) as caught:
        find_dataset("B100", tmp_path)
    message = str(caught.value)
    for part in (str(tmp_path / "BSDS100"), str(tmp_path / "B100"), "GTmod12/*", "data fetch"):
        assert part in message
    with pytest.raises(DataError, match=r"no data folder .*nowhere"):
        find_dataset("Set5", tmp_path / "nowhere")
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    with pytest.raises(DataError, match="--data-root DIR or set HARNESS_DATA"):
        find_dataset("Manga109")
    with pytest.raises(DataError, match=r"manga109\.org"):
        find_dataset("Manga109", tmp_path)
    with pytest.raises(DataError, match="no images in"):
        open_folder("x", tmp_path)
    with pytest.raises(DataError, match="there is no folder"):
        open_folder("x", tmp_path / "nowhere")


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown dataset 'seet5'. Did you mean Set5\?"):
        get_info("seet5")


def test_the_variable_names_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "Set5", *(f"{name}.png" for name in NAMES))
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    assert find_dataset("Set5").folder == tmp_path / "Set5"


def test_embedded_images_need_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    assert len(find_dataset("embedded").images) == 10


def test_fingerprint_follows_names_bytes_and_selection(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png")
    dataset = open_folder("x", tmp_path)
    before = dataset.fingerprint()
    assert open_folder("y", tmp_path).fingerprint() == before
    assert dataset.limited(1).fingerprint() != before
    assert dataset.limited(None) == dataset.limited(2) == dataset
    (tmp_path / "b.png").rename(tmp_path / "c.png")
    assert open_folder("x", tmp_path).fingerprint() != before
    with pytest.raises(DataError, match=r"cannot read .*b\.png"):
        dataset.fingerprint()
    with pytest.raises(ConfigError):
        dataset.limited(0)


def test_no_two_datasets_share_a_name() -> None:
    names = [name.casefold() for info in list_datasets() for name in info.names]
    assert len(names) == len(set(names))


def left_out(found: Dataset) -> list[str]:
    return [name for name, _ in found.left_out]


CARS = ["beach", "Ford Fiesta", "Ford Focus", "Ford GT", "Fordham Road"]


@pytest.mark.parametrize(
    "names",
    [
        CARS,
        CARS[1:],
        ["Ford Focus", "Ford GT", "Honda Civic", "Honda GT"],
        ["Ford_Focus", "Ford_GT", "Honda_Civic", "Honda_GT"],
        ["Ford-Focus", "Ford-GT", "Ford-GT-Sport"],
        ["bmw x3", "bmw x4", "bmw x5", "bmw"],
        ["bmw_x3", "bmw_x4", "bmw", "audi"],
        ["bmwx3", "bmwx4", "bmwx5", "bmw"],
        ["hr", "gt", "lr", "x2"],
    ],
    ids=lambda names: names[0],
)
@pytest.mark.parametrize("suffix", [".png", ".BMP"])
def test_names_that_only_look_marked_are_images(
    tmp_path: Path, names: list[str], suffix: str
) -> None:
    put(tmp_path, *(name + suffix for name in names))
    found = open_folder("cars", tmp_path)
    assert sorted(stems(found.images)) == sorted(names)
    assert not found.left_out_note


@pytest.mark.parametrize(
    ("kept", "copies"),
    [
        (["one.png", "two_HR.png"], ["two_LR.png"]),
        (["a.png", "b.png"], ["ax4.png", "bx4.png", "a_bicubic.png"]),
        (["a_HR.png", "b_HR.png"], ["a_EDSR.png", "b_EDSR.png", "a-LR.bmp"]),
        (["a_GT.png", "a_b_GT.png"], ["a_EDSR.png", "a_b_EDSR.png"]),
    ],
)
def test_copies_are_left_out_and_said(tmp_path: Path, kept: list[str], copies: list[str]) -> None:
    put(tmp_path, *kept, *copies)
    found = open_folder("x", tmp_path)
    assert sorted(path.name for path in found.images) == sorted(kept)
    assert sorted(left_out(found)) == sorted(copies)
    total = len(kept) + len(copies)
    assert found.left_out_note.startswith(f"{len(kept)} of {total} files, left out: ")
    assert all(name in found.left_out_note for name in copies)
    assert found.limited(1).left_out_note == found.left_out_note


def test_files_that_are_no_images_are_said(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "B.PNG")
    for name in ("c.jfif", "d.JPE", "e.gif", "f.ppm", "._a.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "g.png").symlink_to("nowhere")
    (tmp_path / "h.png").symlink_to("h.png")
    (tmp_path / "i.png").mkdir()
    os.mkfifo(tmp_path / "j.png")
    found = open_folder("x", tmp_path)
    assert stems(found.images) == ["a", "B"]
    assert dict(found.left_out) == {
        **dict.fromkeys(("c.jfif", "d.JPE", "e.gif", "f.ppm"), "of a format that is not read"),
        **dict.fromkeys(("g.png", "h.png"), "a link to nothing"),
        "i.png": "a folder",
        "j.png": "no regular file",
    }
    assert found.left_out_note.startswith("2 of 10 files, left out: c.jfif, d.JPE, e.gif, f.ppm (")


NUMBERED = [
    "img_1",
    "img_01",
    "img_001",
    "Img_1",
    "img_2",
    "img_10",
    "1\u00b22",
    "\u0663",
    "e\u0301",
]


@given(st.permutations(NUMBERED))
def test_order_is_total_whatever_the_disk_gives(names: list[str]) -> None:
    def in_order(names: list[str]) -> list[str]:
        return [p.stem for p in sorted((Path(f"{n}.png") for n in names), key=natural_key)]

    assert in_order(names) == in_order(NUMBERED)
    assert in_order(["img_10", "img_2", "img_001"]) == ["img_001", "img_2", "img_10"]


@pytest.mark.parametrize(
    "pair", [("HR", "HR"), ("HR", "hr"), ("caf\u00e9", "cafe\u0301"), ("STRASSE", "stra\u00dfe")]
)
def test_two_datasets_of_one_name_are_refused(pair: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"two datasets are called .* NAME=DIR"):
        check_distinct(pair)
    check_distinct(["HR", "LR", "HR2"])
    if pair[0] != pair[1]:
        put(tmp_path, "a.png")
        config = RunConfig(dataset_folders=dict.fromkeys(pair, tmp_path), only=("quality",))
        with pytest.raises(ConfigError, match="two datasets are called"):
            find_datasets(config, Plan(this_machine("cpu")))


def test_names_that_are_no_utf_8_have_a_fingerprint(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    name = os.fsdecode(b"caf\xe9.png")
    try:
        (tmp_path / "a.png").rename(tmp_path / name)
    except OSError:
        pytest.skip("this file system takes no such names")
    assert len(open_folder("x", tmp_path).fingerprint()) == 64


def test_a_folder_that_cannot_be_listed_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(_: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", deny)
    for find in (lambda: open_folder("x", tmp_path), lambda: find_dataset("Set5", tmp_path)):
        with pytest.raises(DataError, match=r"cannot list the folder .*: Permission denied"):
            find()


@pytest.mark.parametrize(
    ("n", "words"), [(5, "5 images"), (3, "3 of 5 images"), (10, "10 images (expected: 5)")]
)
def test_how_many_images_of_how_many(tmp_path: Path, n: int, words: str) -> None:
    put(tmp_path / "Set5", *(f"{i}.png" for i in range(n)))
    assert find_dataset("Set5", tmp_path).counted == words


HOLIDAY: dict[str, Any] = {
    "name": "Holiday",
    "role": "test",
    "n_images": 1,
    "source": "me",
    "how_to_get": "ask me",
    "terms": "CC0",
}


def test_a_registered_dataset_is_found_by_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = dict(datasets._registry())
    monkeypatch.setattr(datasets, "_registry", lambda: registry)
    register_dataset(DatasetInfo(**HOLIDAY, aliases=("holidays",)))
    put(tmp_path / "holidays", "a.png")
    assert find_dataset("HOLIDAY", tmp_path).complete
    for names in ({"name": "set5"}, {"name": "New", "aliases": ("b100",)}, {"name": "holiday"}):
        with pytest.raises(VariantError, match="is there already"):
            register_dataset(DatasetInfo(**{**HOLIDAY, **names}))
    for name in ("../up", "", "a/b", " "):
        with pytest.raises(VariantError, match="that of a folder"):
            register_dataset(DatasetInfo(**{**HOLIDAY, "name": name}))


def test_a_plugin_brings_a_dataset(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    given = ", ".join(f"{name}={value!r}" for name, value in HOLIDAY.items())
    plugin.write_text(
        "from harness import DatasetInfo, register_dataset\n"
        f"register_dataset(DatasetInfo({given}))\n"
    )
    folder = tmp_path / "data" / "Holiday"
    folder.mkdir(parents=True)
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(folder / "a.png")
    words = ["--data-root", str(tmp_path / "data"), "--results", str(tmp_path / "out")]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "harness", "run", "--plugin", str(plugin)),
            *("--variants", "bicubic", "--scales", "2", "--only", "quality", *words),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Holiday" in (tmp_path / "out" / "quality.csv").read_text()
