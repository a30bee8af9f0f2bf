"""Pictures jobs: crops of SR images beside HR, so that reports need no network."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from harness.errors import DataError, about
from harness.images.colour import rgb_to_y
from harness.images.decode import read_image, write_image
from harness.jobs.base import Job
from harness.jobs.pictures.models import PicturesResult, PicturesSpec
from harness.jobs.quality.run import super_resolve
from harness.metrics.psnr import METRIC as PSNR
from harness.metrics.psnr import psnr
from harness.metrics.sample import compose, prepare, score
from harness.networks.load import load_ready_network
from harness.system.files import make_folder
from harness.system.text import as_unicode

CROP = 96
"""Height and width of a crop, HR pixels."""
ERROR_MAX = 0.25
"""Absolute luma error shown as white: one scale for all maps, so that they can be compared."""


def run(job: Job[PicturesSpec]) -> PicturesResult:
    """Save the crops that the job's spec names."""
    spec = job.spec
    scale, protocol = spec.scale, spec.protocol.protocol()
    network = load_ready_network(spec, job.inputs.get("weights"), job.inputs.get("device", "cpu"))
    paths = {as_unicode(Path(path).name): Path(path) for path in job.inputs["images"]}
    results = Path(job.inputs["results"])
    folder = results / "pictures" / job.id
    make_folder(folder)
    crops = []
    for number, wanted in enumerate(spec.pictures):
        name = wanted["image"]
        if name not in paths:
            raise DataError(f"{name} is no image of {spec.dataset.name}")
        hr = read_image(paths[name])
        with about(paths[name]):
            sample = prepare(hr, scale, protocol)
            sr = compose(sample, super_resolve(network, sample))
        top, left, height, width = box = busiest_box(sample.hr_y, protocol.border_crop(scale))
        inside = np.s_[top : top + height, left : left + width]
        sr_y = rgb_to_y(sr / 255.0) if sr.ndim == 3 else sr / 255.0
        error = np.abs(sr_y - sample.hr_y)[inside]
        shown = {
            "hr": hr[inside],
            "sr": sr[inside],
            "error": np.rint(np.clip(error / ERROR_MAX, 0, 1) * 255).astype(np.uint8),
        }
        files = {}
        for kind, pixels in shown.items():
            path = folder / f"{number}-{kind}.png"
            write_image(path, np.ascontiguousarray(pixels))
            files[kind] = path.relative_to(results).as_posix()
        crops.append(
            {
                "image": name,
                "why": wanted["why"],
                "box": box,
                PSNR.key: score(sample, sr, protocol)[PSNR.key],
                "crop_psnr_y": psnr(sr_y[inside], sample.hr_y[inside]),
                "error_max": ERROR_MAX,
                "files": files,
            }
        )
    return PicturesResult(crops=crops)


def busiest_box(y: NDArray[np.float64], border: int) -> list[int]:
    """Where an image has most detail: the box with the largest mean gradient.

    A function of the HR image alone, so that every variant shows the same place and none chooses.

    Args:
        y: H x W luma.
        border: pixels to keep away from every side.

    Returns:
        top, left, height, width.
    """
    height, width = (min(CROP, n - 2 * border) for n in y.shape)
    detail = np.hypot(*np.gradient(y))
    mean = uniform_filter(detail, size=(height, width), mode="constant")
    rows, columns = y.shape[0] - 2 * border - height + 1, y.shape[1] - 2 * border - width + 1
    # uniform_filter centres its window; only windows inside the border count.
    first_row, first_column = border + height // 2, border + width // 2
    inner = mean[first_row : first_row + rows, first_column : first_column + columns]
    row, column = np.unravel_index(int(np.argmax(inner)), inner.shape)
    return [border + int(row), border + int(column), height, width]
