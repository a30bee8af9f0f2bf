"""LPIPS and DISTS against their definitions, on random weights of the backbones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import harness
from harness.errors import DataError
from harness.images.decode import write_image
from harness.metrics import dists, lpips, perceptual
from harness.metrics.metric import Pair
from harness.metrics.perceptual import Perceptual
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.registry import METRICS, chosen, require
from variants.errors import VariantError

RGB = PROTOCOLS["python_rgb"]
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def pair(height: int = 50, width: int = 44) -> Pair:
    rng = np.random.default_rng(0)
    hr = np.clip(rng.normal(0.5, 0.2, (height, width, 3)).cumsum(1) / width, 0, 1)
    sr = np.clip(hr + rng.normal(0, 0.05, hr.shape), 0, 1)
    return Pair(sr[..., 0], hr[..., 0], RGB, sr_rgb=sr, hr_rgb=hr)


def planes(images: Pair) -> list[Tensor]:
    assert images.sr_rgb is not None
    assert images.hr_rgb is not None
    both = (images.sr_rgb, images.hr_rgb)
    return [torch.from_numpy(each).float().permute(2, 0, 1)[None] for each in both]


@pytest.fixture
def backbones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """State dicts of AlexNet and VGG16 with random weights, where torchvision looks for theirs."""
    pytest.importorskip("torchmetrics", reason="needs the extra perceptual")
    try:
        from torchvision.models import alexnet, vgg16
    except (ImportError, RuntimeError):
        pytest.skip("needs a torchvision that fits torch")
    torch.manual_seed(0)
    states = {
        file: model().state_dict()
        for file, model in {
            "alexnet-owt-7be5be79.pth": alexnet,
            "vgg16-397923af.pth": vgg16,
        }.items()
    }
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    for file, state in states.items():
        torch.save(state, tmp_path / "checkpoints" / file)
    perceptual._ready.cache_clear()
    return {"alexnet": states["alexnet-owt-7be5be79.pth"], "vgg16": states["vgg16-397923af.pth"]}


def conv(x: Tensor, state: dict[str, Tensor], layer: int, **options: int) -> Tensor:
    weight, bias = (state[f"features.{layer}.{name}"] for name in ("weight", "bias"))
    return F.relu(F.conv2d(x, weight, bias, **options))


def alexnet_features(x: Tensor, state: dict[str, Tensor]) -> list[Tensor]:
    found = [conv(x, state, 0, stride=4, padding=2)]
    found.append(conv(F.max_pool2d(found[-1], 3, 2), state, 3, padding=2))
    found.append(conv(F.max_pool2d(found[-1], 3, 2), state, 6, padding=1))
    found.append(conv(found[-1], state, 8, padding=1))
    return [*found, conv(found[-1], state, 10, padding=1)]


def test_lpips_is_what_its_definition_says(backbones: dict[str, Any]) -> None:
    """Zhang et al., equation 1: unit features, weighted squared differences, spatial means."""
    from torchmetrics.functional.image import lpips as theirs

    path = Path(theirs.__file__).with_name("lpips_models") / "alex.pth"
    linear = torch.load(path, map_location="cpu")
    images = pair()
    # The authors' constants: ImageNet's, of images in [-1, 1].
    shift, scale = (
        torch.tensor(each)[:, None, None]
        for each in ([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450])
    )
    sr, hr = (
        alexnet_features((2 * image - 1 - shift) / scale, backbones["alexnet"])
        for image in planes(images)
    )
    expected = 0.0
    for level, (a, b) in enumerate(zip(sr, hr, strict=True)):
        a, b = (x / (x.square().sum(1, keepdim=True).sqrt() + 1e-8) for x in (a, b))
        weights = linear[f"lin{level}.model.1.weight"]
        expected += float(((a - b).square() * weights).sum(1).mean())
    found = METRICS["lpips_rgb"].compute(images)
    assert found == pytest.approx(expected, rel=1e-4)
    assert found > 1e-3


def test_dists_is_what_its_definition_says(backbones: dict[str, Any]) -> None:
    """Ding et al., equations 6 to 8: means are texture, covariances structure."""
    from torchmetrics.functional.image import dists as theirs

    learnt = torch.load(Path(theirs.__file__).with_name("dists_models") / "weights.pt")
    taps = torch.tensor([0.25, 0.5, 0.25])
    kernel = (taps[:, None] * taps)[None, None]

    def pool(x: Tensor) -> Tensor:
        """Hanning-windowed root of the mean square."""
        n = x.shape[1]
        return (
            F.conv2d(x**2, kernel.repeat(n, 1, 1, 1), stride=2, padding=1, groups=n) + 1e-12
        ).sqrt()

    def features(image: Tensor) -> list[Tensor]:
        x, found = (image - MEAN[:, None, None]) / STD[:, None, None], [image]
        for number, layers in enumerate(([0, 2], [5, 7], [10, 12, 14], [17, 19, 21], [24, 26, 28])):
            x = pool(x) if number else x
            for layer in layers:
                x = conv(x, backbones["vgg16"], layer, padding=1)
            found.append(x)
        return found

    images = pair()
    sr, hr = (features(image) for image in planes(images))
    alpha, beta = (learnt[name].flatten() for name in ("alpha", "beta"))
    similar, at = 0.0, 0
    for a, b in zip(sr, hr, strict=True):
        a, b = (x.flatten(2)[0].double() for x in (a, b))
        part = slice(at, at + len(a))
        means = a.mean(1), b.mean(1)
        texture = (2 * means[0] * means[1] + 1e-6) / (means[0] ** 2 + means[1] ** 2 + 1e-6)
        cov = (a * b).mean(1) - means[0] * means[1]
        variances = a.var(1, correction=0) + b.var(1, correction=0)
        structure = (2 * cov + 1e-6) / (variances + 1e-6)
        similar += float((alpha[part] * texture + beta[part] * structure).sum())
        at = part.stop
    found = METRICS["dists_rgb"].compute(images)
    assert found == pytest.approx(1 - similar / float(alpha.sum() + beta.sum()), abs=1e-4)
    assert found > 1e-3


@pytest.mark.parametrize("key", ["lpips_rgb", "dists_rgb"])
def test_equal_images_have_no_distance(key: str, backbones: dict[str, Any]) -> None:
    same = pair()
    metric = METRICS[key]
    assert metric.compute(Pair(same.hr_y, same.hr_y, RGB, None, same.hr_rgb, same.hr_rgb)) == (
        pytest.approx(0, abs=1e-5)
    )
    assert metric.compute(same) == metric.compute(same)
    assert not metric.higher_is_better


def test_images_of_the_smallest_size_can_be_compared(backbones: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"LPIPS needs 31x31 pixels .* this image has 40x30"):
        METRICS["lpips_rgb"].compute(pair(30, 40))
    assert np.isfinite(METRICS["lpips_rgb"].compute(pair(31, 31)))
    assert np.isfinite(METRICS["dists_rgb"].compute(pair(3, 3)))


def test_they_are_columns_of_evaluate(backbones: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)
    write_image(tmp_path / "photos" / "a.png", pixels)
    keys = ["lpips_rgb", "dists_rgb"]
    table = harness.evaluate("bicubic", tmp_path / "photos", 2, "python_rgb", metrics=keys)
    assert (table[keys] > 0).all(axis=None)


def test_a_luma_protocol_cannot_compute_them(tmp_path: Path) -> None:
    assert "lpips_rgb" not in chosen(RGB)
    with pytest.raises(VariantError, match="psnr_rgb needs a protocol that compares RGB"):
        harness.evaluate("bicubic", tmp_path, 2, metrics=["psnr_rgb"])


def test_what_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "harness.metrics.registry.find_spec", lambda name: name == "torchmetrics" or None
    )
    with pytest.raises(VariantError, match=r"needs the package torchvision: .*\[perceptual\]"):
        require("dists_rgb", [RGB])

    def make() -> None:
        raise OSError("no network here\nsecond line")

    metric = Perceptual("LPIPS", make, "alexnet-owt-7be5be79.pth", 233)
    with pytest.raises(DataError, match="fits torch") as caught:
        metric.compute(pair())
    words = str(caught.value)
    assert "OSError: no network here): " in words
    assert words.endswith(str(Path("checkpoints") / "alexnet-owt-7be5be79.pth"))
    assert "\n" not in words


def test_the_files_are_those_that_torchvision_names() -> None:
    try:
        from torchvision.models import AlexNet_Weights, VGG16_Weights
    except (ImportError, RuntimeError):
        pytest.skip("needs a torchvision that fits torch")
    for module, weights in ((lpips, AlexNet_Weights), (dists, VGG16_Weights)):
        told: Any = module.METRIC.compute
        theirs = weights.DEFAULT
        assert theirs.url.endswith(f"/{told.__self__.file}")
        assert round(theirs.meta["_file_size"]) == told.__self__.megabytes
