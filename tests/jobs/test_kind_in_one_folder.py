"""A kind of job is one folder: what docs/adding-a-kind-of-job.md shows is run and gated."""

import csv
import json
import re
import shlex
from pathlib import Path

from tests.jobs.in_one_process import in_one_process

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-kind-of-job.md"
BEFORE = 'import harness.jobs\nharness.jobs.__path__.append("jobs")\n'


def harness(folder: Path, *commands: str) -> list[tuple[int, str, str]]:
    """What commands say where a folder holds a further kind of job."""
    return in_one_process(folder, [shlex.split(command) for command in commands], BEFORE)


def write_folder(folder: Path) -> None:
    """The files of the page, by their first lines."""
    folder.mkdir(parents=True)
    files = re.findall(r"^```py\n# (\w+\.py)\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    for name, code in [("__init__.py", '"""Repeat jobs."""\n'), *files]:
        (folder / name).write_text(code, encoding="utf-8")
    assert len(files) == 5


def test_a_kind_is_one_folder(tmp_path: Path) -> None:
    write_folder(tmp_path / "jobs" / "repeat")
    (tmp_path / "run.yaml").write_text("repeat: {lr_size: 8}\nscales: 2\nonly: cost, repeat\n")
    run = "run --config run.yaml --variants bicubic,ms-lapsrn --results out"
    by_option = run.replace("--config run.yaml", "--set repeat.lr_size=8 --set scales=2")
    told = harness(
        *(tmp_path, "run --help", f"{run} --dry-run", run),
        *(f"{by_option} --only cost,repeat", "run --only repeal"),
    )
    (_, options, _), (_, dry, _), (code, _, done), (_, _, again), (refused, _, why) = told
    assert "cost,latency,pictures,quality,repeat" in options
    assert "repeat ms-lapsrn 2x" in dry
    assert "4 jobs" in dry
    assert code == 0, done
    assert re.search(r"repeat ms-lapsrn 2x: 0 pixels differ \(\d", done)
    with (tmp_path / "out" / "repeat.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["variant"], r["lr_size"], r["differing"], r["status"]) for r in rows] == [
        ("bicubic", "8", "0", "done"),
        ("ms-lapsrn", "8", "0", "done"),
    ]
    assert "4 taken from out" in again
    assert refused == 2
    assert "unknown kind of job 'repeal'" in why
    assert "repeat" in why

    (tmp_path / "worse" / "jobs").mkdir(parents=True)
    for path in (tmp_path / "out" / "jobs").iterdir():
        record = json.loads(path.read_text("utf-8"))
        if record["kind"] == "repeat" and "lapsrn" in path.name:
            record["result"]["differing"] = 3
        (tmp_path / "worse" / "jobs" / path.name).write_text(json.dumps(record), "utf-8")
    gate = "--fail-if 'differing>0'"
    worse, same = harness(tmp_path, f"compare out worse {gate}", f"compare out out {gate}")
    assert (worse[0], same[0]) == (1, 0)
    assert "Repeat: 1 figure changed, 3 unchanged" in worse[1]
    assert worse[1].count("FAILED differing>0") == 1

    (tmp_path / "jobs").rename(tmp_path / "gone")
    ((code, _, noted),) = harness(tmp_path, f"{run} --only cost")
    # What the file says of the kind that is gone, and then what its records say.
    assert code == 2
    assert "repeat" in noted
    ((code, _, noted),) = harness(tmp_path, "run --variants bicubic --only cost --results out")
    assert code == 0, noted
    assert "of a kind of job that is not known here: repeat" in noted
