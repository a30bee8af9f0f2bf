"""`harness upscale` as a user types it, with good and bad input."""

import re
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.backends import BackendUnavailableError
from harness.cli import main
from harness.commands.upscale import command
from harness.errors import ConfigError, DataError, HarnessError
from harness.upscale.luma import BicubicLuma
from tests.benchmarks.upscale_memory import FIFTY_MEGAPIXELS, make_photo, upscale_alone
from tests.commands.invoke import invoke
from variants import create_model, get_variant
from variants.errors import UnknownNameError, WeightsError
from variants.weights.files import save_weights

run = partial(invoke, command)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    pixels = np.random.default_rng(1).integers(0, 256, (21, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "own.safetensors"
    model = create_model("ms-lapsrn", 8)
    save_weights(model, path, get_variant("ms-lapsrn"), 8, {"origin": "a test"})
    return path


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_bicubic_needs_no_weights(photo: Path, scale: int) -> None:
    out = photo.with_name("out.png")
    result = run(photo, "--variant", "bicubic", "--scale", str(scale), "-o", out)
    assert result.return_value == 0
    assert re.search(rf"out\.png: {30 * scale}x{21 * scale} pixels, [0-9.]+ s", result.output)
    with Image.open(out) as image:
        assert image.size == (30 * scale, 21 * scale)


def test_a_network_with_weights_of_ones_own(photo: Path, weights: Path) -> None:
    outs = []
    for tile in (8, 64):
        outs.append(photo.with_name(f"{tile}.png"))
        run(
            *(photo, "--variant", "ms-lapsrn", "--scale", "2", "-o", outs[-1]),
            *("--weights", weights, "--tile", tile, "--device", "cpu"),
        )
    small, large = (np.asarray(Image.open(path)).astype(int) for path in outs)
    assert small.shape == (42, 60, 3)
    assert np.abs(small - large).max() <= 1


def test_a_folder_with_a_damaged_image(photo: Path) -> None:
    folder = photo.parent / "in"
    folder.mkdir()
    photo.rename(folder / "good.png")
    (folder / "bad.png").write_bytes(b"no image")
    result = run(folder, "--variant", "bicubic", "--format", "webp", "-o", folder.parent / "out")
    assert result.return_value == 1
    assert "Failed: cannot decode" in result.output
    assert "1 of 2 images failed" in result.output
    assert [path.name for path in (folder.parent / "out").iterdir()] == ["good.webp"]


def test_bad_input_is_one_sentence(photo: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    good = (photo, "-o", out, "--variant")
    with pytest.raises(UnknownNameError, match="Did you mean bicubic"):
        run(*good, "bicubik")
    with pytest.raises(DataError, match="no image or folder"):
        run(tmp_path / "none.png", "-o", out, "--variant", "bicubic")
    with pytest.raises(ConfigError, match="bicubic has no network"):
        run(*good, "bicubic", "--weights", weights)
    with pytest.raises(WeightsError, match="no weights file at"):
        run(*good, "ms-lapsrn", "--weights", tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="another network"):
        run(*good, "cms-lapsrn-conv3", "--weights", weights)
    with pytest.raises(DataError, match="unknown image format"):
        run(photo, "-o", tmp_path / "out.gif", "--variant", "bicubic")
    with pytest.raises(DataError, match="cannot decode"):
        run(weights.rename(tmp_path / "x.png"), "-o", out, "--variant", "bicubic")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(HarnessError, match="cannot write"):
        run(photo, "-o", tmp_path / "file" / "out.png", "--variant", "bicubic")
    assert not out.exists()


def test_an_untrained_variant_says_so(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("variants.weights.store.shipped_weights", lambda: ())
    with pytest.raises(WeightsError, match="no weights ship for ms-lapsrn at 4x yet"):
        run(photo, "--variant", "ms-lapsrn", "-o", photo.with_name("o.png"))


def test_cuda_where_there_is_none(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.system.environment.cuda_available", lambda: False)
    with pytest.raises(ConfigError, match="no CUDA device"):
        run(photo, "--variant", "bicubic", "--device", "cuda", "-o", photo.with_name("o.png"))


def test_bfloat16_is_close(photo: Path, weights: Path) -> None:
    outs = []
    for dtype in ("fp32", "bf16"):
        outs.append(photo.with_name(f"{dtype}.png"))
        run(
            *(photo, "--variant", "ms-lapsrn", "--scale", "2", "-o", outs[-1], "--dtype", dtype),
            *("--weights", weights, "--device", "cpu"),
        )
    exact, close = (np.asarray(Image.open(path)).astype(int) for path in outs)
    assert 0 < np.abs(exact - close).mean() < 1


@pytest.mark.parametrize(("native", "dtype"), [(False, "bf16"), (True, "bf16"), (False, "fp32")])
def test_a_slow_dtype_is_used_with_a_note(
    native: bool,
    dtype: str,
    photo: Path,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_native(kind: torch.dtype, device: str) -> bool:
        return native or kind == torch.float32

    monkeypatch.setattr("variants.processor.is_native", is_native)
    out = photo.with_name("o.png")
    told = run(
        *(photo, "--variant", "ms-lapsrn", "--scale", "2", "-o", out, "--dtype", dtype),
        *("--weights", weights, "--device", "cpu"),
    ).output
    assert out.exists()
    assert ("no arithmetic of its own for bfloat16" in told) == (not native and dtype == "bf16")


def test_dtypes_and_backends_are_of_networks(
    photo: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = photo.with_name("o.png")
    for option in (("--dtype", "bf16"), ("--backend", "compile")):
        with pytest.raises(ConfigError, match="bicubic has no network"):
            run(photo, "--variant", "bicubic", "-o", out, *option)
    monkeypatch.setattr("harness.backends.find_spec", lambda _: None)
    with pytest.raises(BackendUnavailableError, match="openvino needs the package"):
        run(
            *(photo, "--variant", "ms-lapsrn", "-o", out, "--backend", "openvino"),
            *("--weights", weights, "--device", "cpu"),
        )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind_and_is_not_said_to_go_on(
    how: signal.Signals,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The end of a batch job or a container is one, too."""
    monkeypatch.setattr(BicubicLuma, "__call__", lambda *_: signal.raise_signal(how))
    out = str(photo.with_name("o.png"))
    with pytest.raises(SystemExit, match=str(128 + how)):
        main(["upscale", str(photo), "--variant", "bicubic", "-o", out])
    assert capsys.readouterr().err.endswith("Interrupted. What was finished is kept.\n")
    assert list(photo.parent.iterdir()) == [photo]


GIGABYTE = 1e9


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_fifty_megapixels_at_4x_stay_under_two_gigabytes(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    height, width = FIFTY_MEGAPIXELS
    photo, out = tmp_path / "photo.jpg", tmp_path / f"out.{suffix}"
    make_photo(photo, height, width)
    run_upscale = upscale_alone(photo, out, "--variant", "bicubic", "--scale", "4")
    assert run_upscale.peak_bytes < 2 * GIGABYTE
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with Image.open(out) as image:
        assert image.size == (4 * width, 4 * height)


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "limit_s"), [(2, 40), (4, 120), (8, 240)])
def test_a_network_begins_fifty_megapixels_under_two_gigabytes(
    tmp_path: Path, scale: int, limit_s: int
) -> None:
    """On two cores as far as into the second row of tiles, behind which nothing new comes."""
    photo, out = tmp_path / "photo.jpg", tmp_path / "out.png"
    make_photo(photo, *FIFTY_MEGAPIXELS)
    options = ("--variant", "ms-lapsrn", "--scale", str(scale))
    done = upscale_alone(photo, out, *options, limit_s=limit_s)
    assert done.peak_bytes < 2 * GIGABYTE
