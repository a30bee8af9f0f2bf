"""A backend is one file: dropped into the folder, the main job runs it and the report shows it."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.backends import DTYPES, get_backend, list_backends

MIRRORED = '''
"""A runtime that turns the image over, runs the network and turns the outcome back."""

from harness.backends import Backend


def prepare(model, dtype, device, shape):
    import torch

    def forward(y):
        with torch.inference_mode():
            return model(y.flip(-1)).flip(-1)

    return forward


BACKEND = Backend(prepare, package="numpy", dtypes=("float32",), keeps_memory_format=False)
'''


def test_a_backend_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "backends").mkdir()
    (tmp_path / "backends" / "mirrored.py").write_text(MIRRORED)
    (tmp_path / "photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (32, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photos" / "a.png")
    code = (
        "import harness.backends, harness.cli\n"
        "harness.backends.__path__.append('backends')\n"
        "harness.cli.main()\n"
    )

    def harness(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "mirrored" in harness("run", "--help").stdout
    outcome = harness(
        *("run", "--variants", "ms-lapsrn", "--scales", "2", "--dataset", "photos=photos"),
        *("--only", "quality", "--results", "out", "--backend", "mirrored,eager"),
        *("--dtype", "fp32,fp16"),
    )
    assert outcome.returncode == 0, outcome.stderr
    with (tmp_path / "out" / "quality.csv").open() as file:
        rows = {(row["backend"], row["dtype"]): row for row in csv.DictReader(file)}
    assert float(rows["mirrored", "float32"]["psnr_y"]) > 0
    assert rows["mirrored", "float32"]["psnr_y"] != rows["eager", "float32"]["psnr_y"]
    # It has no float16, which eager has.
    assert set(rows) == {("mirrored", "float32"), ("eager", "float32"), ("eager", "float16")}
    assert "mirrored" in (tmp_path / "out" / "report" / "report.md").read_text()
    outcome = harness(
        *("run", "--variants", "ms-lapsrn", "--scales", "2", "--dataset", "photos=photos"),
        *("--only", "quality", "--results", "alone", "--backend", "mirrored", "--dtype", "fp16"),
    )
    (record,) = (json.loads(path.read_text()) for path in (tmp_path / "alone/jobs").glob("*.json"))
    assert record["status"] == "unavailable", outcome.stderr
    assert "mirrored computes in float32 on cpu or cuda, not in float16" in record["reason"]


@pytest.mark.parametrize("name", list_backends())
def test_a_backend_declares_what_it_is(name: str) -> None:
    backend = get_backend(name)
    assert set(backend.dtypes) <= set(DTYPES.values())
    assert "float32" in backend.dtypes
    assert set(backend.devices) <= {"cpu", "cuda"}


def test_listing_backends_imports_no_torch() -> None:
    code = (
        "import sys; from harness.backends import get_backend, list_backends\n"
        "assert [get_backend(name).package for name in list_backends()]\n"
        "assert not {'torch', 'openvino'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
