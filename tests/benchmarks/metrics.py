"""imresize + PSNR + SSIM against a direct float64 version of the same protocol.

    python -m tests.benchmarks.metrics

The direct version: dense resize matrices, separable ``correlate1d`` for SSIM, whole-image
arithmetic. Either keeps its resize matrices, and does all for an image that it has not seen. Both
must agree to 1e-6 dB. Both on one thread, as beside a network that uses the others, and with freed
memory kept, as in a run.
"""

import os
import sys
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from harness.data.datasets import find_dataset
from harness.images.colour import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb
from harness.images.decode import read_image
from harness.jobs.workers import THREAD_VARIABLES
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.sample import compose, prepare, score
from harness.system.malloc import keep_freed_memory
from tests.benchmarks.ratio import medians_s, report
from variants.interpolation import resize_matrix

Float64Array = NDArray[np.float64]
PROTOCOL = PROTOCOLS["matlab_y"]


def resize(image: Float64Array, scale: float) -> Float64Array:
    rows, columns = (resize_matrix(n, round(n * scale), scale) for n in image.shape[:2])
    planes = [rows @ image[..., c] @ columns.T for c in range(image.shape[2])]
    return np.stack(planes, axis=-1)


def blur(x: Float64Array) -> Float64Array:
    window = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window /= window.sum()
    return correlate1d(
        correlate1d(x, window, axis=0, mode="nearest"), window, axis=1, mode="nearest"
    )


def direct(hr: NDArray[np.uint8], sr_y: Float64Array, scale: int) -> tuple[float, float]:
    """PSNR and SSIM from the HR image and the network's luma, as the protocol is written down."""
    image = hr / 255.0
    ycbcr = rgb_to_ycbcr(resize(image, 1 / scale))
    chroma = resize(ycbcr[..., 1:], scale)
    rgb = ycbcr_to_rgb(np.dstack([sr_y, chroma]))
    a = rgb_to_y(np.floor(rgb * 255 + 0.5) / 255)[scale:-scale, scale:-scale]
    b = rgb_to_y(image)[scale:-scale, scale:-scale]
    psnr = -10 * np.log10(np.mean((a - b) ** 2))
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    ssim = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return float(psnr), float(ssim.mean())


def ours(hr: NDArray[np.uint8], sr_y: Float64Array, scale: int) -> tuple[float, float]:
    sample = prepare(hr, scale, PROTOCOL)
    scores = score(sample, compose(sample, sr_y), PROTOCOL)
    return scores["psnr_y"], scores["ssim_y"]


def main() -> None:
    keep_freed_memory()
    paths = [
        p
        for p in find_dataset("embedded").images
        if p.stem in ("astronaut", "coffee", "motorcycle_left")
    ]
    rows, ratios, worst = [], [], 0.0
    samples: dict[str, list[float]] = {}
    for path in paths:
        whole = read_image(path)
        for scale in (2, 4, 8):
            height, width = (n - n % scale for n in whole.shape[:2])
            hr = whole[:height, :width]
            noise = np.random.default_rng(0).normal(0, 0.02, (height, width))
            sr_y = rgb_to_y(hr / 255.0) + noise
            times = medians_s(
                {
                    "direct": partial(direct, hr, sr_y, scale),
                    "ours": partial(ours, hr, sr_y, scale),
                }
            )
            a, b = direct(hr, sr_y, scale), ours(hr, sr_y, scale)
            worst = max(worst, abs(a[0] - b[0]))
            for way, values in times.samples.items():
                samples[f"{path.stem} {scale}x {way}"] = values
            ratios.append(times["direct"] / times["ours"])
            rows.append(
                {
                    "image": f"{path.stem} {width}x{height}",
                    "scale": scale,
                    "direct_ms": 1000 * times["direct"],
                    "ours_ms": 1000 * times["ours"],
                    "ratio": ratios[-1],
                    "difference_db": abs(a[0] - b[0]),
                    "difference_ssim": abs(a[1] - b[1]),
                }
            )
    difference = "largest difference in dB (target 1e-6)"
    targets = {
        "median ratio, direct over ours (target 2.5)": float(np.median(ratios)),
        difference: worst,
    }
    report(
        *("metrics", "imresize + PSNR + SSIM", rows, targets, samples),
        lower_is_better=[difference],
    )


if __name__ == "__main__":
    if any(os.environ.get(name) != "1" for name in THREAD_VARIABLES):
        # Numpy has read them already.
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
        os.execv(sys.executable, [sys.executable, "-m", __spec__.name, *sys.argv[1:]])
    main()
