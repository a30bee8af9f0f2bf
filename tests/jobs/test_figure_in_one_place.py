"""A figure is declared once: what docs/adding-a-kind-of-job.md shows is tabled, told and gated."""

import csv
import json
import re
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.jobs.in_one_process import in_one_process

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-kind-of-job.md"
MODELS, MEASURE = Path("harness/jobs/latency/models.py"), Path("harness/measure/latency.py")
RUN = (
    *("run", "--variants", "bicubic,ms-lapsrn[width=8,depth=1]", "--scales", "2", "--only"),
    *("latency", "--lr-size", "8x8", "--threads", "1", "--set", "latency.max_s=0.1"),
)


def harness(folder: Path, *commands: Sequence[str]) -> list[tuple[int, str, str]]:
    """What commands of the copy in a folder say."""
    return in_one_process(folder, commands, environment={"PYTHONPATH": str(folder)})


def write_copy(folder: Path) -> None:
    """The packages, with the lines of the page in the two files that it names."""
    for package in ("harness", "variants"):
        shutil.copytree(
            ROOT / package,
            folder / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"),
        )
    (declared,) = re.findall(r"^p75_ms: .*\n", PAGE.read_text("utf-8"), re.M)
    (entry,) = re.findall(r"`(\"p75_ms\": 75)`", PAGE.read_text("utf-8"))
    for path, before, more in (
        (MODELS, "    p90_ms: ", f"    {declared}"),
        (MEASURE, '"p90_ms": 90', f"{entry}, "),
    ):
        text = (folder / path).read_text("utf-8")
        assert text.count(before) == 1
        (folder / path).write_text(text.replace(before, more + before), "utf-8")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The records of ``out`` with other results."""
    (folder / "jobs").mkdir(parents=True)
    for path in (folder.parent / "out" / "jobs").iterdir():
        job = json.loads(path.read_text("utf-8"))
        change(job["result"])
        (folder / "jobs" / path.name).write_text(json.dumps(job), "utf-8")


def slowed(result: dict[str, Any], times: float) -> None:
    samples = [times * ms for ms in result["samples_ms"]]
    result |= {"p75_ms": times * result["p75_ms"], "samples_ms": samples, "noisy": False}


def test_a_figure_is_declared_in_one_place(tmp_path: Path) -> None:
    write_copy(tmp_path)
    ((code, _, message),) = harness(tmp_path, (*RUN, "--results", "out"))
    assert code == 0, message
    heads = list(table(tmp_path / "out" / "latency.csv")[0])
    assert heads[heads.index("p5_ms") + 1 :][:2] == ["p75_ms", "p90_ms"]
    told = table(tmp_path / "out" / "report" / "tables" / "latency.csv")
    for row in (*told, *table(tmp_path / "out" / "latency.csv")):
        assert float(row["p75_ms"]) >= float(row["median_ms"])
    shown = f"{float(told[0]['p75_ms']):,.2f}"
    for page in ("report.md", "report.html"):
        text = (tmp_path / "out" / "report" / page).read_text("utf-8")
        assert "75th percentile (ms)" in text
        assert shown in text

    write_changed(tmp_path / "calm", partial(slowed, times=1))
    write_changed(tmp_path / "worse", partial(slowed, times=100))
    write_changed(tmp_path / "older", lambda result: result.pop("p75_ms"))
    gate = ("--fail-if", "p75_ms>50%")
    worse, same, again = harness(
        tmp_path,
        ("compare", "calm", "worse", *gate),
        ("compare", "calm", "calm", *gate),
        (*RUN, "--results", "older"),
    )
    assert (worse[0], same[0]) == (1, 0)
    assert worse[1].count("FAILED p75_ms>50%") == 2
    # What was measured before lacks the figure, and nothing else.
    assert "2 taken from older" in again[2]
    text = (tmp_path / "older" / "report" / "report.md").read_text("utf-8")
    assert "Median (ms)" in text
    assert "75th" not in text
