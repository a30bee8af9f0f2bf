"""Prepared samples kept for other networks: never another result, never more than allowed."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from harness.errors import DataError
from harness.images.decode import read_image
from harness.jobs.quality import samples
from harness.jobs.quality.run import evaluate_images
from harness.jobs.quality.samples import SampleCache, load_sample
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.sample import Sample
from harness.networks.load import as_network

MATLAB, PYTHON = PROTOCOLS["matlab_y"], PROTOCOLS["python_y"]


class Nearest(nn.Module):
    """Parameterless, so that it works on the sample's own float64 values; spoils its input."""

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        output = y.repeat_interleave(2, -1).repeat_interleave(2, -2)
        y.zero_()
        return output


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def size(sample: Sample) -> int:
    return sum(getattr(getattr(sample, f.name), "nbytes", 0) for f in fields(sample))


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "network_seconds"} for row in rows]


def test_results_are_the_same_bit_for_bit(images: Path) -> None:
    network, cache = as_network(Nearest(), "cpu"), SampleCache()
    found = [
        without_times(evaluate_images(network, files(images), 2, MATLAB, cache=kept))
        for kept in (None, cache, cache)
    ]
    assert cache.samples.hits == 3
    assert found[0] == found[1] == found[2]


def test_a_sample_is_known_by_content_scale_and_protocol(images: Path, tmp_path: Path) -> None:
    cache, path = SampleCache(), files(images)[0]
    first = cache.load(path, 2, MATLAB)
    copy = tmp_path / "copy.png"
    copy.write_bytes(path.read_bytes())
    assert cache.load(copy, 2, MATLAB) is first
    others = [cache.load(path, 4, MATLAB), cache.load(path, 2, PYTHON)]
    changed = replace(MATLAB, border_crop_scales=2)
    others.append(cache.load(path, 2, changed))
    Image.new("RGB", (48, 40)).save(path)
    others.append(cache.load(path, 2, MATLAB))
    assert all(other is not first for other in others)
    assert cache.samples.hits == 1
    assert others[-1].hr_y.max() == pytest.approx(16 / 255)


def test_an_image_is_decoded_once_for_all_scales(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []

    def counted(path: Path) -> np.ndarray:
        decoded.append(path)
        return read_image(path)

    monkeypatch.setattr(samples, "read_image", counted)
    cache, paths = SampleCache(), files(images)
    for scale in (2, 4):
        cache.begin_pass()
        for path in paths:
            ours, direct = cache.load(path, scale, MATLAB), load_sample(path, scale, MATLAB)
            assert np.array_equal(ours.hr_y, direct.hr_y)
            assert np.array_equal(ours.lr_y, direct.lr_y)
    # Once for the cache, and by each of the direct calls.
    assert len(decoded) == 3 * len(paths)


def test_kept_arrays_cannot_be_written(images: Path) -> None:
    sample = SampleCache().load(files(images)[0], 2, MATLAB)
    for array in (sample.lr_y, sample.lr_chroma, sample.hr_y, sample.hr_means):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_what_a_pass_used_stays_until_the_next(images: Path) -> None:
    paths = files(images)
    sizes = [size(load_sample(path, 2, MATLAB)) for path in paths]
    cache = SampleCache(sizes[0] + sizes[1])
    for _ in range(3):
        cache.begin_pass()
        for path in paths:
            cache.load(path, 2, MATLAB)
        assert cache.samples.bytes == sizes[0] + sizes[1]
    # The third did not fit, but it did not drive out what is needed again, either.
    assert cache.samples.hits == 4
    cache.begin_pass()
    cache.load(paths[2], 2, MATLAB)
    cache.load(paths[2], 2, MATLAB)
    assert cache.samples.hits == 5
    assert cache.samples.bytes <= cache.samples.max_bytes
    cache.clear()
    assert cache.samples.bytes == 0


def test_a_sample_larger_than_the_cache_drives_out_nothing(images: Path) -> None:
    first, second = files(images)[:2]
    cache = SampleCache(size(load_sample(second, 2, MATLAB)))
    cache.load(second, 2, MATLAB)
    cache.begin_pass()
    cache.load(first, 2, MATLAB)
    cache.load(second, 2, MATLAB)
    assert cache.samples.hits == 1


def test_errors_name_the_image(images: Path) -> None:
    broken = images / "broken.png"
    broken.write_bytes(b"\x89PNG")
    Image.new("RGB", (3, 3)).save(images / "tiny.png")
    loaders: list[Callable[..., Sample]] = [load_sample, SampleCache().load]
    for load in loaders:
        for name in ("broken.png", "tiny.png", "absent.png"):
            with pytest.raises(DataError, match=name):
                load(images / name, 2, MATLAB)


PEAK = """
import sys
from pathlib import Path
from harness.metrics.protocol import PROTOCOLS
from harness.networks.load import as_network
from harness.jobs.quality.run import evaluate_images
from harness.jobs.quality.samples import SampleCache
from variants import create_model

images = [Path(path) for path in sys.argv[2:]]
network, cache = as_network(create_model("bicubic", 2), "cpu"), SampleCache(int(sys.argv[1]), 0)
evaluate_images(network, images, 2, PROTOCOLS["matlab_y"], cache=cache)
# The resource module's figure would begin with what the starting process holds.
(line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(line.split()[1]) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kept", [0, 50_000_000])
def test_the_peak_of_memory_does_not_grow_with_the_number_of_images(
    kept: int, tmp_path: Path
) -> None:
    rng, paths = np.random.default_rng(0), []
    for number in range(20):
        path = tmp_path / f"{number}.png"
        # About 20 MB each once prepared.
        Image.fromarray(rng.integers(0, 256, (800, 1200, 3), dtype=np.uint8)).save(
            path, compress_level=1
        )
        paths.append(str(path))

    def peak(n: int) -> int:
        command = [sys.executable, "-c", PEAK, str(kept), *paths[:n]]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    few, many = peak(5), peak(20)
    # Fifteen more would be 300 MB. How many images are on their way at once varies.
    assert many - few < kept + 100_000_000
