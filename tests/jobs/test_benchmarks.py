"""The pytest-benchmark suite: what it notes beside the times, and what it does without a GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import variants
from harness.system.environment import cuda_available

ROOT = Path(__file__).parents[2]
SUITE = "tests/benchmarks/test_latency.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Within one of several workers pytest-benchmark would measure nothing.
    alone = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "-o", "addopts="]
    return subprocess.run(
        [*command, "--benchmark-only", *arguments],
        cwd=ROOT,
        env=alone,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_extra_info_and_the_reason_without_a_gpu(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    cases = [f"{SUITE}::test_forward[ms-lapsrn-8-{device}]" for device in ("cpu", "cuda")]
    outcome = run(*(cases if not cuda_available() else cases[:1]), f"--benchmark-json={path}")
    assert outcome.returncode == 0, outcome.stdout
    assert cuda_available() or "torch sees no CUDA device" in outcome.stdout
    (benchmark,) = json.loads(path.read_text())["benchmarks"]
    info = benchmark["extra_info"]
    model = variants.create_model("ms-lapsrn", 8)
    assert info["params"] == sum(p.numel() for p in model.parameters())
    assert info["macs"] == model.macs(16, 16)
    assert (info["lr_height"], info["lr_width"]) == (16, 16)
    assert (info["variant"], info["scale"], info["device"]) == ("ms-lapsrn", 8, "cpu")
    assert (info["dtype"], info["tf32"]) == ("float32", None)
    assert info["threads"] >= 1
    assert info["device_name"]
    assert benchmark["stats"]["rounds"] >= 20


@pytest.mark.slow
def test_a_slower_second_run_fails(tmp_path: Path) -> None:
    """What `tox -e benchmarks-compare` runs, against a first run said to be faster."""
    case = f"{SUITE}::test_forward[bicubic-2-cpu]"
    storage = f"--benchmark-storage={tmp_path}"
    compare = (storage, "--benchmark-autosave", "--benchmark-compare")
    assert run(case, storage, "--benchmark-autosave").returncode == 0
    outcome = run(case, *compare, "--benchmark-compare-fail=min:99999%")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    saved = sorted(tmp_path.rglob("*.json"))
    assert len(saved) == 2
    for path in saved:
        record = json.loads(path.read_text())
        for key in ("min", "median", "max", "mean"):
            record["benchmarks"][0]["stats"][key] /= 1000
        path.write_text(json.dumps(record))
    outcome = run(case, *compare, "--benchmark-compare-fail=min:30%")
    assert outcome.returncode != 0
    assert "Performance has regressed" in outcome.stdout + outcome.stderr
