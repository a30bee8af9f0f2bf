"""MS-SSIM and VIF against implementations of their definitions, and that they are asked for."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import convolve2d

from harness.errors import DataError
from harness.metrics.metric import Pair
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.registry import METRICS, beyond_first, chosen, require
from harness.metrics.sample import prepare, score
from variants.errors import UnknownNameError, VariantError

Image = NDArray[np.float64]
MATLAB = PROTOCOLS["matlab_y"]


def gaussian(size: int, sigma: float) -> Image:
    taps = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
    return np.outer(taps, taps) / taps.sum() ** 2


def moments(a: Image, b: Image, window: Image) -> tuple[Image, ...]:
    """Means, variances and covariance over windows that lie inside."""

    def mean(x: Image) -> Image:
        return np.asarray(convolve2d(x, window, mode="valid"))

    m, n = mean(a), mean(b)
    return m, n, mean(a * a) - m * m, mean(b * b) - n * n, mean(a * b) - m * n


def ms_ssim(a: Image, b: Image) -> float:
    """Wang, Simoncelli and Bovik, 2003, equation 7; the last scale with reflected borders."""
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    product = 1.0
    for scale, weight in enumerate(weights, start=1):
        if scale == 5:
            a, b = (np.pad(x, 5, mode="reflect") for x in (a, b))
        m, n, va, vb, cov = moments(a, b, gaussian(11, 1.5))
        contrast = (2 * cov + 0.03**2) / (va + vb + 0.03**2)
        luminance = (2 * m * n + 0.01**2) / (m * m + n * n + 0.01**2)
        product *= float(np.mean(contrast * (luminance if scale == 5 else 1))) ** weight
        rows, columns = (n - n % 2 for n in a.shape)
        a, b = (
            x[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean((1, 3)) for x in (a, b)
        )
    return product


def vif(reference: Image, distorted: Image) -> float:
    """Sheikh and Bovik, 2006, in the pixel domain; values in 0 to 255."""
    told = total = 0.0
    a, b = reference, distorted
    for scale in range(1, 5):
        size = 2 ** (5 - scale) + 1
        window = gaussian(size, size / 5)
        if scale > 1:
            a, b = (convolve2d(x, window, mode="valid")[::2, ::2] for x in (a, b))
        _, _, va, vb, cov = moments(a, b, window)
        va, vb = np.maximum(va, 0), np.maximum(vb, 0)
        gain = cov / (va + 1e-10)
        noise = np.maximum(np.where(gain < 0, vb, vb - gain * cov), 1e-10)
        gain = np.maximum(gain, 0)
        told += np.log10(1 + gain**2 * va / (noise + 2)).sum()
        total += np.log10(1 + va / 2).sum()
    return told / total


def pair(height: int = 190, width: int = 180) -> Pair:
    rng = np.random.default_rng(0)
    hr = rng.random((height, width)).cumsum(0).cumsum(1)
    hr = np.clip(0.5 + (hr - hr.mean()) / hr.std() / 8 + rng.normal(0, 0.05, hr.shape), 0, 1)
    hr.flags.writeable = False
    return Pair(np.clip(hr + rng.normal(0, 0.04, hr.shape), 0, 1), hr, MATLAB)


@pytest.fixture(autouse=True)
def _installed() -> None:
    pytest.importorskip("torchmetrics", reason="needs the extra metrics")


def test_ms_ssim_is_what_its_definition_says() -> None:
    images = pair()
    found = METRICS["ms_ssim_y"].compute(images)
    assert found == pytest.approx(ms_ssim(images.sr_y, images.hr_y), abs=1e-6)
    assert 0.5 < found < 1


def test_vif_is_what_its_definition_says() -> None:
    images = pair()
    found = METRICS["vif_y"].compute(images)
    assert found == pytest.approx(vif(255 * images.hr_y, 255 * images.sr_y), abs=1e-6)
    assert 0.1 < found < 1


@pytest.mark.parametrize(("key", "size"), [("ms_ssim_y", 175), ("vif_y", 40)])
def test_an_image_that_is_too_small_is_one_sentence(key: str, size: int) -> None:
    with pytest.raises(DataError, match=f"needs {size + 1}x{size + 1} pixels .* has 190x{size}"):
        METRICS[key].compute(pair(size, 190))
    METRICS[key].compute(pair(size + 1, size + 1))


def test_they_are_computed_on_request() -> None:
    assert beyond_first(MATLAB) == {}
    assert beyond_first(MATLAB, ["vif_y"]) == {"metrics": {"vif_y": 1}}
    assert list(chosen(PROTOCOLS["python_rgb"], ["vif_y"])) == [
        *("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb", "vif_y")
    ]
    hr = np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)
    sample = prepare(hr, 2, MATLAB)
    assert set(score(sample, hr, MATLAB)) == {"psnr_y", "ssim_y"}
    assert score(sample, hr, MATLAB, ["vif_y"])["vif_y"] == pytest.approx(1)


def test_one_that_cannot_be_computed_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="unknown metric 'lpips'"):
        require("lpips", [MATLAB])
    monkeypatch.setattr("harness.metrics.registry.find_spec", lambda _: None)
    with pytest.raises(VariantError, match=r"needs the package torchmetrics: .*\[metrics\]"):
        require("vif_y", [MATLAB])
