"""A metric is one file: what docs/adding-a-metric.md shows is measured, tabled, judged and told."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.metrics.metric import Metric
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.registry import METRICS, beyond_first
from harness.system.files import sha256_of

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-metric.md"
CODE = (
    "import harness.metrics, harness.cli\n"
    "harness.metrics.__path__.append('metrics')\n"
    "harness.cli.main()\n"
)
RUN = (
    *("run", "--scales", "4", "--datasets", "embedded", "--limit", "2", "--only", "quality"),
    *("--workers", "1", "--results", "out", "--variants"),
)


def harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_metric_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    out = tmp_path / "out"
    # Without the file first: what was measured then stays, and is measured again for the metric.
    done = harness(tmp_path, *RUN, "bicubic")
    assert done.returncode == 0, done.stderr
    code = re.search(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert code is not None
    file = tmp_path / "metrics" / "mae.py"
    file.write_text(code[1], encoding="utf-8")
    done = harness(tmp_path, *RUN, "bicubic,ms-lapsrn")
    assert done.returncode == 0, done.stderr
    assert "2 jobs measured, 0 taken" in done.stderr
    assert re.search(r"PSNR \d+\.\d\d dB, SSIM 0\.\d{4}, MAE \d+\.\d{3} levels", done.stderr)

    assert {row["variant"] for row in table(out / "quality.csv")} == {"bicubic", "ms-lapsrn"}
    for row in [*table(out / "quality.csv"), *table(out / "images.csv")]:
        assert 0 < float(row["mae_y"]) < 255
    rows = table(out / "report" / "tables" / "statistics.csv")
    mae = {row["variant"]: row for row in rows if row["metric"] == "mae_y"}
    worse, better = (float(mae[name]["mean"]) for name in ("bicubic", "ms-lapsrn"))
    assert worse > better
    assert float(mae["bicubic"]["delta"]) == pytest.approx(worse - better)
    assert mae["bicubic"]["wins"] == "2", "images whose figure is above"
    for page in ("report.md", "report.html"):
        text = (out / "report" / page).read_text("utf-8")
        assert "MAE (levels)" in text
        assert f"{better:.3f}" in text
        assert "could not be made" not in text

    card = harness(tmp_path, "show", "ms-lapsrn", "--results", "out").stdout
    assert "| PSNR (dB) | SSIM | MAE (levels) |\n|---|---|---|---|---|---|---|\n" in card
    assert f"| {better:.3f} |\n" in card

    (tmp_path / "worse" / "jobs").mkdir(parents=True)
    for path in (out / "jobs").iterdir():
        job = json.loads(path.read_text("utf-8"))
        for figures in [job["result"], *job["result"]["images"]]:
            if "mae_y" in figures:
                figures["mae_y"] += 1
        (tmp_path / "worse" / "jobs" / path.name).write_text(json.dumps(job), encoding="utf-8")
    failed = harness(tmp_path, "compare", "out", "worse", "--fail-if", "mae_y>0.5")
    assert failed.returncode == 1, failed.stderr
    assert failed.stdout.count("FAILED mae_y>0.5") == 2

    file.unlink()
    done = harness(tmp_path, *RUN, "bicubic")
    assert "0 jobs measured, 1 taken" in done.stderr
    assert "mae_y" not in table(out / "quality.csv")[0]


def _metric(key: str, version: int = 1) -> Metric:
    return Metric(key, key, "", digits=2, compute=lambda pair: 0.0, version=version)


def test_a_spec_names_what_goes_beyond_the_first_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = PROTOCOLS["matlab_y"]
    assert beyond_first(protocol) == {}
    monkeypatch.setitem(METRICS, "mae_y", _metric("mae_y"))
    assert beyond_first(protocol)["metrics"] == {"mae_y": 1}
    monkeypatch.setitem(METRICS, "ssim_y", _metric("ssim_y", version=2))
    assert beyond_first(protocol)["metrics"] == {"mae_y": 1, "ssim_y": 2}
    # Of what does not ship here, the file counts as well.
    assert beyond_first(protocol)["metric_plugins"]["mae_y"] == sha256_of(Path(__file__))


@pytest.mark.parametrize("key", ["", "MAE", "mae y", "1mae", "mae\n", "../mae"])
def test_a_key_is_a_name(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        _metric(key)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.key)
def test_the_paper_has_both_or_neither(metric: Metric) -> None:
    assert (metric.tolerance is None) == (metric.paper_digits is None)
