"""Results folders in which one record, the run's description or a file beside them is spoiled."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.base import (
    HOSTILE_VALUES,
    Case,
    Rng,
    WrongError,
    command,
    mutated,
    places,
    replaced,
)
from tests.report import synthetic

SPECIAL = ("folder", "fifo", "socket", "dangling", "loop", "device", "deep", "empty", "secret")


def sound() -> list[Any]:
    """A small run: two networks, one scale."""
    values = np.random.default_rng(0).normal(30, 3, 6).tolist()
    better = [value + 0.1 for value in values]
    return [
        synthetic.quality("ms-lapsrn", 4, "Set5", values),
        synthetic.quality("cms-lapsrn-conv3", 4, "Set5", better),
        synthetic.cost("ms-lapsrn", 4, 222_801, 117e9),
        synthetic.cost("cms-lapsrn-conv3", 4, 185_937, 117e9),
        synthetic.latency("ms-lapsrn", 4, 10.0),
        synthetic.latency("cms-lapsrn-conv3", 4, 11.0),
    ]


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` folders, each read by one command."""
    rng = Rng(f"records {seed}")
    doors = ("report", "compare", "show", "dry-run", "tables")
    for _ in range(n):
        door = rng.choice(doors)
        kind = rng.choice(("value",) * 6 + ("bytes", "special", "run.json"))
        name, spoil = _spoiler(rng, kind)
        yield Case(f"{door}: {name}", _run(door, spoil))


def _spoiler(rng: Rng, kind: str) -> tuple[str, Callable[[Path], None]]:
    records = [record.as_dict() for record in sound()]
    chosen = rng.randrange(len(records))
    record = json.loads(json.dumps(records[chosen]))
    if kind == "value":
        place = rng.choice(places(record))
        value = rng.choice((*HOSTILE_VALUES, ...))
        name = f"{record['kind']} {'.'.join(map(str, place))} = {ascii(value)[:60]}"
        content = json.dumps(replaced(record, place, value)).encode()
        return name, _write(record["id"], content)
    if kind == "bytes":
        how, content = mutated(rng, json.dumps(record).encode())
        return f"{record['kind']} {how}", _write(record["id"], content)
    if kind == "run.json":
        place = rng.choice(places(synthetic.RUN))
        value = rng.choice((*HOSTILE_VALUES, ...))
        content = json.dumps(replaced(synthetic.RUN, place, value)).encode()
        if rng.random() < 0.2:
            content = mutated(rng, content)[1]
        return f"run.json {place} = {ascii(value)[:60]}", lambda run: _put(
            run / "run.json", content
        )
    what = rng.choice(SPECIAL)
    where = rng.choice(("run.json", f"jobs/{record['id']}.json", "jobs/x.json", "jobs", "tables"))
    return f"{where} is {what}", lambda run: special(run / where, what)


def _write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda run: _put(run / "jobs" / f"{name}.json", content)


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def special(path: Path, what: str) -> None:
    """Something else than a file of ours lies there."""
    if path.is_dir():
        path.rename(path.with_name("moved"))
    path.unlink(missing_ok=True)
    if what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            here = Path.cwd()
            os.chdir(path.parent)  # An address has at most 108 bytes.
            try:
                server.bind(path.name[:100])
            finally:
                os.chdir(here)
    elif what in ("dangling", "loop", "device"):
        target = {"dangling": "nowhere", "loop": path.name, "device": "/dev/zero"}[what]
        path.symlink_to(target)
    elif what == "deep":
        path.write_text("[" * 100_000 + "]" * 100_000)
    else:
        path.write_bytes(b"")
        path.chmod(0o000 if what == "secret" else 0o644)


def _run(door: str, spoil: Callable[[Path], None]) -> Callable[[Path], bool]:
    def run(folder: Path) -> bool:
        results = synthetic.write_run(folder / "run", sound(), synthetic.RUN)
        spoil(results)
        if door == "report":
            said = command("report", results, "-o", folder / "report")
            if said.code == 0:
                _check_report(folder / "report")
        elif door == "compare":
            other = synthetic.write_run(folder / "other", sound(), synthetic.RUN)
            said = command("compare", other, results, "--fail-if", "psnr_y<-0.02")
        elif door == "show":
            said = command("show", "ms-lapsrn", "--results", results)
        elif door == "tables":
            # The run finds nothing to do, and collates the tables of what is there.
            said = command(
                "run",
                "--variants=bicubic",
                "--scales=4",
                "--only=cost",
                "--results",
                results,
                "--report",
                folder / "report",
                "--baseline=bicubic",
            )
        else:
            said = command("run", "--dry-run", "--variants=bicubic", "--results", results)
        return said.code == 0

    return run


def _check_report(folder: Path) -> None:
    """There is a report, which says if nothing was left to report."""
    text = (folder / "report.md").read_text("utf-8")
    if "## Results" not in text or not ("dB" in text or "No quality was measured" in text):
        raise WrongError("a report without results that does not say so")
