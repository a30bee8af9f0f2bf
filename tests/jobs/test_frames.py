"""Runs, comparisons, costs and latency from Python."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import harness
import variants
from harness.errors import ConfigError


@pytest.mark.parametrize("package", [harness, variants], ids=lambda package: str(package.__name__))
def test_tab_shows_the_names_of_the_api_and_each_is_there(package: object) -> None:
    names = [name for name in dir(package) if not name.startswith("_")]
    assert sorted(names) == sorted(n for n in package.__all__ if n != "__version__")  # type: ignore[attr-defined]
    assert len(names) >= 5
    assert all(callable(getattr(package, name)) for name in names)


def test_the_functions_stay_what_they_are_whatever_is_imported() -> None:
    """A module of the same name would take a function's place."""
    code = (
        "import harness, pkgutil, importlib\n"
        "names = [m.name for m in pkgutil.walk_packages(harness.__path__, 'harness.')]\n"
        "for n in names:\n"
        "    if '__main__' not in n and 'openvino' not in n: importlib.import_module(n)\n"
        "assert all(callable(getattr(harness, n)) for n in harness.__all__ if n[0] != '_')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_run_and_what_changed(images: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"only": {"cost", "quality"}, "limit": 2}
    for name, scales in (("a", [2, 4]), ("b", 2)):
        tables = harness.run(
            "bicubic", {"photos": images}, scales, results=tmp_path / name, **options
        )
        assert set(tables) == {"quality", "images", "cost", "latency"}
    assert len(tables["images"]) == 2
    assert tables["images"]["psnr_y"].dtype == float
    assert list(tables["quality"]["status"]) == ["done"]
    assert (tmp_path / "a" / "report" / "report.html").is_file()
    changes = harness.compare(tmp_path / "a", str(tmp_path / "b"))
    assert set(changes["figure"]) >= {"psnr_y", "ssim_y", "params"}
    assert (changes["change"] == 0).all()


def test_costs() -> None:
    table = harness.cost(["ms-lapsrn", "cms-lapsrn-conv3"], 4)
    params = table.set_index("variant")["params"]
    assert params["ms-lapsrn"] - params["cms-lapsrn-conv3"] == 36_864
    assert pd.api.types.is_integer_dtype(table["macs"])
    with pytest.raises(ConfigError, match="no multiple of 8"):
        harness.cost("bicubic", 8, hr_size=(100, 100))
    with pytest.raises(ConfigError, match="Did you mean bicubic"):
        harness.cost("bicubik")


def test_latencies() -> None:
    table = harness.latency(
        "bicubic", 8, device="cpu", lr_sizes="16x8", threads=1, max_s=0.05, warmup_s=0.01
    )
    (row,) = table.to_dict("records")
    assert (row["status"], row["lr_width"], row["lr_height"]) == ("done", 16, 8)
    assert row["median_low_ms"] <= row["median_ms"] <= row["median_high_ms"]


def test_progress_is_shown_where_asked(images: Path, capfd: pytest.CaptureFixture[str]) -> None:
    harness.evaluate("bicubic", images, 2, limit=2)
    assert capfd.readouterr().err == ""
    harness.evaluate("bicubic", images, 2, limit=2, progress=True)
    assert "photos 2x" in capfd.readouterr().err
