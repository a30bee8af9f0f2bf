"""Published figures, reproduced on the real images; skipped where the images are not.

``HARNESS_DATA`` names the folder with the datasets, ``HARNESS_AUTHORS_WEIGHTS`` the folder with the
authors' released networks, MSLapSRN_D5R2.mat and LapSRN_x4.mat.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import variants
from harness.data.datasets import find_dataset
from harness.errors import DataError
from harness.jobs.quality.run import evaluate_images
from harness.metrics.protocol import PROTOCOLS
from harness.networks.load import as_network
from variants.weights.foreign import load_any

PAPER = pd.read_csv(
    Path(__file__).parents[2] / "harness" / "report" / "paper_table1.csv",
    dtype={"psnr": str, "ssim": str},
)
BICUBIC = PAPER[(PAPER["model"] == "Bicubic") & (PAPER["dataset"] != "Manga109")]


def images_of(dataset: str) -> list[Path]:
    try:
        return list(find_dataset(dataset).images)
    except DataError as error:
        pytest.skip(str(error))


def test_there_are_24_bicubic_values() -> None:
    assert BICUBIC[["psnr", "ssim"]].size == 24


@pytest.mark.parametrize("row", list(BICUBIC.itertuples()), ids=lambda r: f"{r.dataset}-{r.scale}x")
def test_bicubic_equals_the_paper_to_the_printed_digits(row: object) -> None:
    dataset, scale = row.dataset, row.scale  # type: ignore[attr-defined]
    images = images_of(dataset)
    network = as_network(variants.create_model("bicubic", scale), "cpu")
    halves = (images[::2], images[1::2])
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(
            lambda part: evaluate_images(network, part, scale, PROTOCOLS["matlab_y"]), halves
        )
        rows = [r for part in parts for r in part]
    assert f"{np.mean([r['psnr_y'] for r in rows]):.2f}" == row.psnr  # type: ignore[attr-defined]
    assert f"{np.mean([r['ssim_y'] for r in rows]):.3f}" == row.ssim  # type: ignore[attr-defined]


# What the authors' released networks give under this protocol, measured independently of this code.
AUTHORS = [
    ("ms-lapsrn", "MSLapSRN_D5R2.mat", 2, "Set5", 37.617, 0.9595),
    ("ms-lapsrn", "MSLapSRN_D5R2.mat", 4, "Set5", 31.621, 0.8866),
    ("ms-lapsrn", "MSLapSRN_D5R2.mat", 8, "Set5", 26.201, 0.7465),
    ("lapsrn", "LapSRN_x4.mat", 4, "Set5", 31.539, 0.8852),
]
SLOWER = [
    ("ms-lapsrn", "MSLapSRN_D5R2.mat", 2, "Set14", 33.129, 0.9134),
    ("ms-lapsrn", "MSLapSRN_D5R2.mat", 4, "Set14", 28.158, 0.7718),
    ("ms-lapsrn", "MSLapSRN_D5R2.mat", 8, "Set14", 24.452, 0.6259),
    ("lapsrn", "LapSRN_x4.mat", 4, "Set14", 28.091, 0.7700),
]


@pytest.mark.parametrize(
    ("name", "file", "scale", "dataset", "psnr", "ssim"),
    [*AUTHORS, *(pytest.param(*row, marks=pytest.mark.slow) for row in SLOWER)],
)
def test_authors_networks(
    name: str, file: str, scale: int, dataset: str, psnr: float, ssim: float
) -> None:
    folder = os.environ.get("HARNESS_AUTHORS_WEIGHTS")
    if not folder or not (Path(folder) / file).is_file():
        pytest.skip(f"HARNESS_AUTHORS_WEIGHTS names no folder with {file}")
    images = images_of(dataset)
    model = variants.create_model(name, scale)
    load_any(model, Path(folder) / file, variants.get_variant(name), scale)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rows = evaluate_images(as_network(model, "cpu"), images, scale, PROTOCOLS["matlab_y"])
    assert np.mean([r["psnr_y"] for r in rows]) == pytest.approx(psnr, abs=0.0015)
    assert np.mean([r["ssim_y"] for r in rows]) == pytest.approx(ssim, abs=0.0001)
