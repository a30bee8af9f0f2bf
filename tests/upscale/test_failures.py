"""What goes wrong with a picture is one sentence; the other pictures of a folder go on."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image, PngImagePlugin

from harness.commands.upscale import command
from harness.errors import DataError, HarnessError, ResultsError
from harness.upscale.engine import Upscaler
from harness.upscale.files import Pair, pair_files, upscale_file
from harness.upscale.luma import BicubicLuma, luma_of
from variants import create_model

PIXELS = np.random.default_rng(3).integers(0, 256, (8, 9, 3), dtype=np.uint8)
LONGEST = 255
"""Bytes of a file's name."""


def run(*arguments: str | Path) -> Result:
    options = (*map(str, arguments), "--variant", "bicubic", "--scale", "2")
    return CliRunner().invoke(command, options, standalone_mode=False)


def folder_of(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.fromarray(PIXELS).save(folder / name)
    return folder


def long_exif(*lengths: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera"
    exif.get_ifd(0x8769).update({0x9003: "2020:01:01 00:00:00"})
    for number, length in enumerate(lengths):
        exif.get_ifd(0x8769)[0xC000 + number] = b"x" * length
    return exif


@pytest.mark.parametrize("lengths", [(65_000,), (65_300,), (70_000,), (2**20,), (40_000, 40_000)])
def test_long_exif_goes_into_a_jpeg_as_far_as_it_fits(
    tmp_path: Path, lengths: tuple[int, ...]
) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=long_exif(*lengths))
    result = run(tmp_path / "a.png", "-o", tmp_path / "b.jpg")
    assert result.return_value == 0
    with Image.open(tmp_path / "b.jpg") as image:
        exif = image.getexif()
    assert (exif[0x0112], exif[0x010F]) == (6, "A camera")
    assert exif.get_ifd(0x8769)[0x9003] == "2020:01:01 00:00:00"
    short = sum(lengths) < 65_400
    assert (0xC000 in exif.get_ifd(0x8769)) is short
    assert ("long entries were dropped" in result.output) is not short


def test_exif_of_many_short_entries_is_cut_to_the_orientation(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=long_exif(*[1000] * 80))
    assert run(tmp_path / "a.png", "-o", tmp_path / "b.jpg").return_value == 0
    with Image.open(tmp_path / "b.jpg") as image:
        assert dict(image.getexif()) == {0x0112: 6}


@pytest.mark.parametrize("target", ["png", "jpg", "webp", "tif", "bmp"])
@pytest.mark.parametrize("source", ["png", "webp", "jpg"])
@pytest.mark.parametrize("exif", [b"garbage", b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0MM\0*\xff"])
def test_garbage_as_exif(tmp_path: Path, source: str, target: str, exif: bytes) -> None:
    Image.fromarray(PIXELS).save(tmp_path / f"a.{source}", exif=exif)
    result = run(tmp_path / f"a.{source}", "-o", tmp_path / f"b.{target}")
    assert (result.exception, result.return_value) == (None, 0)
    with Image.open(tmp_path / f"b.{target}") as image:
        assert image.size == (18, 16)


@pytest.mark.parametrize("target", ["png", "jpg", "webp", "tif", "bmp"])
@pytest.mark.parametrize("gamma", [None, 1 / 2.2, 1.0])
def test_resolution_and_gamma_are_kept_or_said(
    tmp_path: Path, target: str, gamma: float | None
) -> None:
    # As a PNG writer of its own would: Pillow writes no gamma.
    info = PngImagePlugin.PngInfo()
    if gamma:
        info.add(b"gAMA", round(gamma * 100_000).to_bytes(4, "big"))
    Image.fromarray(PIXELS).save(tmp_path / "a.png", dpi=(300, 300), pnginfo=info)
    canvas = upscale_file(
        Pair(tmp_path / "a.png", tmp_path / f"b.{target}"), Upscaler(BicubicLuma(2))
    )
    with Image.open(tmp_path / f"b.{target}") as image:
        if target != "webp":
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.05)
        if target == "png":
            assert image.info.get("gamma") == pytest.approx(gamma, abs=1e-5)
    said = " ".join(canvas.notes)
    assert ("300 dpi" in said or "dpi were dropped" in said) is (target == "webp")
    assert ("gamma of 1 was dropped" in said) is (gamma == 1.0 and target != "png")
    assert ("gamma" in said) is (gamma == 1.0 and target != "png")


@pytest.mark.parametrize(("suffix", "frames"), [("webp", 3), ("tif", 2), ("png", 2)])
def test_the_first_frame_is_taken_and_said(tmp_path: Path, suffix: str, frames: int) -> None:
    others = [Image.fromarray(255 - PIXELS + k) for k in range(frames - 1)]
    lossless: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(PIXELS).save(
        tmp_path / f"a.{suffix}", save_all=True, append_images=others, **lossless
    )
    Image.fromarray(PIXELS).save(tmp_path / "one.png")
    result = run(tmp_path / f"a.{suffix}", "-o", tmp_path / "b.png")
    run(tmp_path / "one.png", "-o", tmp_path / "c.png")
    assert result.output.count("the first was taken") == 1
    found, expected = (np.asarray(Image.open(tmp_path / name)) for name in ("b.png", "c.png"))
    np.testing.assert_array_equal(found[..., :3], expected)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), OSError("encoder error -2"), MemoryError()],
)
def test_a_failing_write_is_one_line_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    folder, out = folder_of(tmp_path, "1.png", "2.png", "3.png"), tmp_path / "out"
    calls, save = [], Image.Image.save

    def failing(image: Image.Image, *arguments: object, **options: object) -> None:
        calls.append(image)
        if len(calls) == 2:
            raise error
        save(image, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "save", failing)
    result = run(folder, "-o", out)
    assert result.return_value == 1
    assert result.output.count("Failed: cannot write") == 1
    assert "1 of 3 images failed" in result.output
    assert sorted(path.name for path in out.iterdir()) == ["1.png", "3.png"]


@pytest.mark.parametrize("error", [ValueError("too long"), KeyError("x"), TypeError("of None")])
def test_an_encoder_that_refuses_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    folder = folder_of(tmp_path, "a.png")

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Image.Image, "save", refuse)
    with pytest.raises(DataError, match=r"b\.jpg: \.jpg cannot hold the picture"):
        upscale_file(Pair(folder / "a.png", tmp_path / "b.jpg"), Upscaler(BicubicLuma(2)))
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("length", [LONGEST, LONGEST - 1])
def test_a_name_may_be_as_long_as_a_name_can(tmp_path: Path, length: int) -> None:
    folder = folder_of(tmp_path, "a" * (length - 4) + ".png")
    assert run(folder, "-o", tmp_path / "out").return_value == 0
    assert [len(path.name) for path in (tmp_path / "out").iterdir()] == [length]


def test_names_over_255_bytes_are_sentences(tmp_path: Path) -> None:
    longest = "a" * (LONGEST - 4) + ".png"
    folder = folder_of(tmp_path, longest, "b.png")
    result = run(folder, "-o", tmp_path / "out", "--format", "webp")
    assert result.return_value == 1
    assert "Failed: cannot write" in result.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.webp"]
    for source, out in (
        (tmp_path / ("ü" * 200 + ".png"), tmp_path / "o"),
        (folder / "b.png", tmp_path / ("o" * 300)),
        (folder / "b.png", tmp_path / ("o" * 300 + ".png")),
        (folder, tmp_path / ("o" * 300)),
    ):
        result = run(source, "-o", out)
        assert isinstance(result.exception, HarnessError) or result.return_value == 1
        assert "too long" in f"{result.exception} {result.output}"


def test_any_name_in_a_c_locale(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "z.png")
    good = (folder / "z.png").read_bytes()
    names = [b"\xe9t\xe9.png", b"a\nb.png", b"1\xc2\xb22.png", b"\x1b[2J.png", b"\xe2\x80\xaea.png"]
    try:
        for name in names:
            (folder / os.fsdecode(name)).write_bytes(good)
            (folder / os.fsdecode(b"bad" + name)).write_bytes(b"no image")
    except OSError:
        pytest.skip("this file system has no such names")
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from harness.cli import main; main()", "upscale", folder),
            *("-o", tmp_path / "out", "--variant", "bicubic"),
        ],
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 1, done.stderr
    failures = done.stderr.splitlines()
    assert failures.pop() == b"5 of 11 images failed"
    assert [line[:22] for line in failures] == [b"Failed: cannot decode "] * 5
    assert len(done.stdout.splitlines()) == 6
    written = {os.fsencode(path.name) for path in (tmp_path / "out").iterdir()}
    assert written == {b"z.png", *names}
    assert not any(c in done.stdout + done.stderr for c in (b"\x1b", b"\xe2\x80\xae"))


def test_what_is_left_out_of_a_folder_is_said(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a.png")
    (folder / "gone.png").symlink_to(tmp_path / "none")
    (folder / "folder.tif").mkdir()
    (folder / "b.gif").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"")
    result = run(folder, "-o", tmp_path / "out")
    assert result.return_value == 0
    assert sorted(line for line in result.output.splitlines() if "left out" in line) == [
        "Note: b.gif is left out: of a format that is not read",
        "Note: folder.tif is left out: a folder",
        "Note: gone.png is left out: a link to nothing",
    ]


def test_an_unreadable_folder_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path, "a.png")

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    for method in ("iterdir", "is_dir", "is_file"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, method, refuse)
            source = folder if method != "is_file" else folder / "a.png"
            with pytest.raises(DataError, match="Permission denied"):
                pair_files(source, tmp_path / "out")


def test_a_picture_that_may_not_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, opened = folder_of(tmp_path, "a.png", "b.png"), Image.open

    def refuse(path: Path, *arguments: object, **options: object) -> Image.Image:
        if Path(path).name == "a.png":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", refuse)
    result = run(folder, "-o", tmp_path / "out")
    assert result.return_value == 1
    assert result.output.count("Permission denied") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.png"]


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp", "bmp"])
def test_no_link_is_written_through(tmp_path: Path, suffix: str) -> None:
    folder, victim, out = folder_of(tmp_path, "a.png"), tmp_path / "victim", tmp_path / "out"
    victim.write_bytes(b"precious")
    out.mkdir()
    target = out / f"b.{suffix}"
    target.symlink_to(victim)
    for planted in (f".b.{suffix}.{os.getpid()}.tmp", f".b.{suffix}.tmp", f"b.{suffix}.tmp"):
        (out / planted).symlink_to(victim)
    assert run(folder / "a.png", "-o", target).return_value == 0
    assert victim.read_bytes() == b"precious"
    assert not target.is_symlink()
    with Image.open(target) as image:
        assert image.size == (18, 16)


def test_what_a_killed_run_left_is_removed_after_a_day(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path, "a.png"), tmp_path / "out"
    out.mkdir()
    old, young = (out / f".harness-{name}.tmp" for name in ("0123", "4567"))
    for path in (old, young):
        path.write_bytes(b"a part")
    os.utime(old, (0, 0))
    assert run(folder, "-o", out).return_value == 0
    assert sorted(path.name for path in out.iterdir()) == [young.name, "a.png"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_output_that_is_no_number_makes_no_picture(tmp_path: Path, value: float) -> None:
    model = create_model("ms-lapsrn", 2, pretrained=True)
    with torch.no_grad():
        model.state_dict()["conv_out.bias"].fill_(value)
    folder = folder_of(tmp_path, "a.png")
    with pytest.raises(DataError, match=r"a\.png: the network's output is no finite number"):
        upscale_file(Pair(folder / "a.png", tmp_path / "b.png"), Upscaler(luma_of(model)))
    assert not (tmp_path / "b.png").exists()


def test_memory_that_runs_out_is_a_sentence_and_other_errors_are_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(folder_of(tmp_path, "a.png") / "a.png", tmp_path / "b.png")

    def fail(message: str) -> None:
        def luma(*_: object) -> None:
            raise RuntimeError(message)

        monkeypatch.setattr(BicubicLuma, "__call__", luma)
        upscale_file(pair, Upscaler(BicubicLuma(2)))

    with pytest.raises(ResultsError, match="memory ran out"):
        fail("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
    with pytest.raises(RuntimeError, match="shapes differ"):
        fail("shapes differ")
