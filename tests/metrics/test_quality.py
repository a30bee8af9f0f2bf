"""The protocol: independent SSIM and PSNR, closed forms, and properties that must always hold."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from skimage.metrics import peak_signal_noise_ratio

import variants
from harness.data.datasets import find_dataset
from harness.errors import DataError
from harness.images.decode import read_image
from harness.metrics.protocol import PROTOCOLS, Protocol
from harness.metrics.psnr import psnr
from harness.metrics.sample import compose, minimum_size, prepare, score
from harness.metrics.ssim import TILE_HEIGHT, TILE_WIDTH, Border, ssim, window_means

MATLAB, PYTHON = PROTOCOLS["matlab_y"], PROTOCOLS["python_y"]


def ssim_by_definition(a: NDArray[np.float64], b: NDArray[np.float64], border: str) -> float:
    """Wang et al. (TIP 2004), window by window, with plain loops."""
    taps = [math.exp(-(i * i) / (2 * 1.5**2)) for i in range(-5, 6)]
    window = np.outer(taps, taps) / sum(taps) ** 2
    height, width = a.shape
    if border == "replicate":
        a, b = np.pad(a, 5, mode="edge"), np.pad(b, 5, mode="edge")
    else:
        height, width = height - 10, width - 10
    values = []
    for i in range(height):
        for j in range(width):
            x, y = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            cov = (window * (x - mx) * (y - my)).sum()
            c1, c2 = 0.01**2, 0.03**2
            values.append(
                (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
            )
    return float(np.mean(values))


@pytest.mark.parametrize("border", ["replicate", "valid"])
@pytest.mark.parametrize("shape", [(14, 17), (23, 12)])
def test_ssim_equals_its_definition(border: str, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    a = rng.random(shape)
    b = np.clip(a + 0.1 * rng.standard_normal(shape), 0, 1)
    ours = ssim(a, b, "replicate" if border == "replicate" else "valid")
    assert ours == pytest.approx(ssim_by_definition(a, b, border), abs=1e-12)


def ssim_by_whole_images(a: NDArray[np.float64], b: NDArray[np.float64], border: str) -> float:
    """Five blurs of whole images, and the formula as it is written down."""
    window = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window /= window.sum()

    def blur(x: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = correlate1d(x, window, axis=0, mode="nearest")
        return np.asarray(correlate1d(rows, window, axis=1, mode="nearest"))

    ma, mb, aa, bb, ab = (blur(x) for x in (a, b, a * a, b * b, a * b))
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * ma * mb + c1) / (ma**2 + mb**2 + c1)
    map_ = luminance * (2 * (ab - ma * mb) + c2) / (aa - ma**2 + bb - mb**2 + c2)
    return float((map_[5:-5, 5:-5] if border == "valid" else map_).mean())


@pytest.mark.parametrize("border", ["replicate", "valid"])
@pytest.mark.parametrize(
    "shape",
    [(TILE_HEIGHT + 10, TILE_WIDTH + 10), (2 * TILE_HEIGHT + 13, TILE_WIDTH + 27), (11, 600)],
)
def test_tiles_of_ssim_do_not_show(border: Border, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(7)
    # Smooth and nearly alike: where variances are small their differences cancel most.
    a = np.linspace(0, 1, shape[0] * shape[1]).reshape(shape)
    for noise in (1e-3, 0.2):
        b = np.clip(a + noise * rng.standard_normal(shape), 0, 1)
        assert ssim(a, b, border) == pytest.approx(ssim_by_whole_images(a, b, border), abs=1e-12)
        # Known means of one image change no bit.
        assert ssim(a, b, border) == ssim(a, b, border, window_means(b, border))


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=str)
def test_what_is_kept_of_the_hr_image_changes_no_bit(protocol: Protocol) -> None:
    hr = np.random.default_rng(8).integers(0, 256, (83, 300, 3), dtype=np.uint8)
    sample = prepare(hr, 2, protocol)
    sr = compose(sample, sample.hr_y + 0.05)
    assert sample.hr_means is not None
    assert score(sample, sr, protocol) == score(replace(sample, hr_means=None), sr, protocol)


def test_psnr_equals_scikit_image() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random((2, 9, 8))
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=1), abs=1e-12)


def test_psnr_of_a_known_error() -> None:
    """An error of one grey level everywhere is 20 log10(255) dB."""
    a = np.full((4, 4), 100 / 255)
    assert psnr(a, a + 1 / 255) == pytest.approx(20 * math.log10(255))


def test_identical_images_are_infinitely_good() -> None:
    a = np.random.default_rng(2).random((12, 12))
    assert psnr(a, a) == math.inf
    assert ssim(a, a) == pytest.approx(1)


images = st.tuples(st.integers(40, 70), st.integers(40, 70), st.booleans(), st.integers(0, 999))


@settings(max_examples=25, deadline=None)
@given(shape=images, scale=st.sampled_from([2, 4]), name=st.sampled_from(list(PROTOCOLS)))
def test_the_protocol_always_holds(
    shape: tuple[int, int, bool, int], scale: int, name: str
) -> None:
    height, width, colour, seed = shape
    rng = np.random.default_rng(seed)
    hr = rng.integers(0, 256, (height, width, 3)[: 2 + colour], dtype=np.uint8)
    protocol = PROTOCOLS[name]
    sample = prepare(hr, scale, protocol)
    cropped = (height - height % scale, width - width % scale)
    assert sample.hr_y.shape == cropped
    assert sample.lr_y.shape == (cropped[0] // scale, cropped[1] // scale)
    # The HR image itself scores perfectly whatever the protocol.
    perfect = score(sample, hr[: cropped[0], : cropped[1]], protocol)
    assert perfect["psnr_y"] == math.inf
    assert perfect["ssim_y"] == pytest.approx(1)
    # Better luma never scores worse.
    noise = rng.standard_normal(cropped)
    near, far = (compose(sample, sample.hr_y + s * noise) for s in (0.02, 0.1))
    assert score(sample, near, protocol)["ssim_y"] > score(sample, far, protocol)["ssim_y"]
    if colour:
        return
    assert score(sample, near, protocol)["psnr_y"] > score(sample, far, protocol)["psnr_y"]


def test_protocols_differ_in_what_they_say() -> None:
    hr = read_image(find_dataset("embedded").images[0])
    exact, rounded = prepare(hr, 2, MATLAB), prepare(hr, 2, PYTHON)
    lr = exact.lr_y * 255
    assert not np.allclose(lr, np.rint(lr), atol=1e-3)
    difference = np.abs(exact.lr_y - rounded.lr_y)
    assert difference.max() > 0
    # Rounding moves luma by less than a grey level; clipping, on this image, moves few by more.
    assert np.quantile(difference, 0.95) < 1 / 255
    assert np.array_equal(exact.hr_y, rounded.hr_y)


def test_greyscale_is_evaluated_as_it_is() -> None:
    hr = np.random.default_rng(3).integers(0, 256, (32, 32), dtype=np.uint8)
    sample = prepare(hr, 2, MATLAB)
    assert sample.lr_chroma is None
    assert np.array_equal(sample.hr_y, hr / 255)
    sr = compose(sample, np.full((32, 32), 1.7))
    assert sr.shape == (32, 32)
    assert (sr == 255).all()


def test_borders_do_not_count() -> None:
    hr = np.random.default_rng(4).integers(0, 256, (32, 40, 3), dtype=np.uint8)
    sample = prepare(hr, 4, MATLAB)
    sr = hr.copy()
    sr[:4], sr[-4:], sr[:, :4], sr[:, -4:] = 0, 0, 0, 0
    assert score(sample, sr, MATLAB)["psnr_y"] == math.inf
    sr[4, 4] = 255 - sr[4, 4]
    assert score(sample, sr, MATLAB)["psnr_y"] < math.inf


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=str)
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_the_smallest_image_and_one_pixel_less(scale: int, protocol: Protocol) -> None:
    least = minimum_size(scale, protocol)
    least += -least % scale
    rng = np.random.default_rng(5)
    sample = prepare(rng.integers(0, 256, (least, least, 3), dtype=np.uint8), scale, protocol)
    sr = compose(sample, np.zeros((least, least)))
    assert math.isfinite(score(sample, sr, protocol)["ssim_y"])
    with pytest.raises(DataError, match="too small"):
        prepare(np.zeros((least - scale, least, 3), np.uint8), scale, protocol)


def test_bicubic_model_is_imresize() -> None:
    from harness.images.imresize import imresize

    y = np.random.default_rng(6).random((13, 9))
    for scale in (2, 4, 8):
        model = variants.create_model("bicubic", scale)
        ours = model(torch.from_numpy(y)[None, None])[0, 0].numpy()
        np.testing.assert_allclose(ours, imresize(y, scale), atol=1e-14)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 3)], ids=["grey", "colour"])
def test_an_output_that_is_not_finite_becomes_no_colour(
    value: float, shape: tuple[int, ...]
) -> None:
    """A cast would make black or white of it, and a finite PSNR."""
    sample = prepare(np.full(shape, 100, np.uint8), 2, PROTOCOLS["matlab_y"])
    sr_y = np.full((32, 32), 0.4)
    sr_y[3, 4] = sr_y[20, 7] = value
    with pytest.raises(DataError, match=r"no finite number in 2 of 1,024 pixels"):
        compose(sample, sr_y)
