"""LR files for other programs: those of the protocol, named after their HR images."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from harness.commands.data import command
from harness.data.datasets import open_dataset, open_folder
from harness.data.shrink import shrink, write_lr
from harness.errors import DataError
from harness.images.colour import rgb_to_ycbcr
from harness.images.decode import decode, read_image, write_image
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.sample import prepare

RNG = np.random.default_rng(2)
PYTHON_Y = PROTOCOLS["python_y"]


@pytest.fixture
def hr(tmp_path: Path) -> Path:
    (tmp_path / "hr").mkdir()
    write_image(tmp_path / "hr" / "a.bmp", RNG.integers(0, 256, (45, 50, 3), dtype=np.uint8))
    squares = np.kron(RNG.integers(0, 2, (8, 6)), np.full((8, 8), 255)).astype(np.uint8)
    write_image(tmp_path / "hr" / "grey.png", squares[:61, :43])
    return tmp_path / "hr"


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_files_are_what_the_protocols_give_a_network(hr: Path, tmp_path: Path, scale: int) -> None:
    options = ["shrink", f"mine={hr}", "--scale", str(scale), "-o", str(tmp_path / "lr")]
    result = CliRunner().invoke(command, options, catch_exceptions=False)
    assert result.output.count("2 images of mine") == len(PROTOCOLS)
    for protocol, suffix, largest in (("python_y", ".png", 255), ("matlab_y", ".tif", 1)):
        folder = tmp_path / "lr" / protocol
        names = sorted(path.name for path in folder.iterdir())
        assert names == [f"a{suffix}", f"grey{suffix}", "lr.json"]
        for stem, source in (("a", "a.bmp"), ("grey", "grey.png")):
            lr = decode(folder / f"{stem}{suffix}").pixels.astype(np.float64) / largest
            y = lr[..., 0] if lr.shape[2] == 1 else rgb_to_ycbcr(lr)[..., 0]
            expected = prepare(read_image(hr / source), scale, PROTOCOLS[protocol]).lr_y
            np.testing.assert_allclose(y, expected, atol=1e-12 if largest == 255 else 1e-7)
    # Between black and white squares it overshoots: nothing was clipped.
    assert not 0 <= lr.min() <= lr.max() <= 1


def test_nothing_is_overwritten(hr: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the HR images themselves"):
        write_lr(open_dataset(f"mine={hr}"), 2, PYTHON_Y, hr)


def test_images_that_differ_in_their_endings_are_kept_apart(hr: Path, tmp_path: Path) -> None:
    write_image(hr / "a.png", np.full((20, 20), 7, np.uint8))
    write_lr(open_folder("mine", hr), 2, PYTHON_Y, tmp_path / "lr")
    names = sorted(path.name for path in (tmp_path / "lr").iterdir())
    assert names == ["a.bmp.png", "a.png.png", "grey.png.png", "lr.json"]
    assert read_image(tmp_path / "lr" / "a.png.png").shape == (10, 10)
    assert read_image(tmp_path / "lr" / "a.bmp.png").shape == (22, 25, 3)


def test_too_small_an_image_is_named(hr: Path, tmp_path: Path) -> None:
    write_image(hr / "tiny.png", np.zeros((3, 3), np.uint8))
    (failure,) = write_lr(open_folder("mine", hr), 4, PYTHON_Y, tmp_path / "lr")
    assert "tiny.png: an image of 3x3 pixels is too small" in failure
    assert shrink(np.full((4, 4), 7, np.uint8), 4, PYTHON_Y).tolist() == [[7]]


def test_an_image_that_fails_is_one_line_and_the_others_go_on(hr: Path, tmp_path: Path) -> None:
    n_good = len(list(hr.iterdir()))
    (hr / "bad\x1b\n.png").write_bytes(b"no image")
    write_image(hr / "taken.png", np.zeros((20, 20), np.uint8))
    (tmp_path / "lr" / "python_y" / "taken.png").mkdir(parents=True)
    options = ("shrink", f"mine={hr}", "--scale", "2", "--protocol", "python_y")
    result = CliRunner().invoke(
        command, [*options, "-o", str(tmp_path / "lr")], standalone_mode=False
    )
    assert result.return_value == 1, result.output
    lines = result.output.splitlines()
    assert len(lines) == 4
    assert sum(line.startswith("Failed: ") for line in lines) == 2
    assert f"{n_good} of {n_good + 2} images of mine" in result.output
    assert "\x1b" not in result.output
    assert len(list((tmp_path / "lr" / "python_y").glob("*.png"))) == n_good + 1
