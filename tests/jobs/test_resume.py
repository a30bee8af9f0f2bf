"""Killed at random moments or on a full disk, a run loses nothing and does nothing twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.jobs.conftest import Harness, expect_one_sentence

VARYING = ["network_seconds", "total_seconds"]
"""Columns that hold wall times."""


def command(images: Path, results: str) -> list[str]:
    return [
        *("run", "--variants", "bicubic,ms-lapsrn,cms-lapsrn-conv3", "--scales", "2,4"),
        *("--dataset", f"photos={images}", "--only", "cost,quality", "--results", results),
    ]


def tables(results: str) -> dict[str, pd.DataFrame]:
    frames = {n: pd.read_csv(Path(results, n)) for n in ("quality.csv", "images.csv", "cost.csv")}
    return {
        n: f.drop(columns=[c for c in VARYING if c in f.columns]).sort_values("job")
        for n, f in frames.items()
    }


def kill_and_resume(harness: Harness, images: Path, kills: int, seed: int) -> None:
    """Kill ``kills`` times at random moments, then finish; compare with an undisturbed run."""
    start = time.monotonic()
    assert harness(*command(images, "undisturbed")).returncode == 0
    duration = time.monotonic() - start
    rng = random.Random(seed)
    jobs = Path("disturbed/jobs")
    recorded: dict[str, int] = {}
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", *command(images, "disturbed")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(rng.uniform(0.1, duration))
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = {p.name: p.stat().st_mtime_ns for p in jobs.glob("*.json")}
        # Every record is whole, and none that was there before was written again.
        assert all(json.loads((jobs / name).read_text())["status"] for name in now)
        assert recorded.items() <= now.items()
        recorded = now
    outcome = harness(*command(images, "disturbed"))
    assert outcome.returncode == 0, outcome.stderr
    assert f"{len(recorded)} taken" in outcome.stderr
    expected, found = tables("undisturbed"), tables("disturbed")
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(
            frame.reset_index(drop=True), found[name].reset_index(drop=True)
        )
    assert not [p for p in Path("disturbed").rglob("*.tmp") if p.is_file()]


def test_killed_twice(harness: Harness, images: Path) -> None:
    kill_and_resume(harness, images, kills=2, seed=0)


@pytest.mark.slow
def test_killed_ten_times(harness: Harness, images: Path) -> None:
    kill_and_resume(harness, images, kills=10, seed=1)


def test_an_interrupt_is_answered_at_once_and_keeps_what_was_done(
    harness: Harness, images: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *command(images, "out")],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(Path("out/jobs").glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode in (0, 130)
    if process.returncode == 130:
        assert "the same command goes on from there" in errors
    assert "Traceback" not in errors
    assert list(Path("out/jobs").glob("*.json"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 80 kB, unmounted afterwards."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=80k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    return folder


def test_a_full_disk_loses_nothing(
    harness: Harness, images: Path, small_disk: Path, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: subprocess.run(["umount", str(small_disk)], check=True))
    outcome = harness(*command(images, str(small_disk / "out")))
    expect_one_sentence(outcome, "No space left")
    kept = {p: p.read_text() for p in (small_disk / "out" / "jobs").glob("*.json")}
    assert kept
    assert {json.loads(text)["status"] for text in kept.values()} <= {"done", "no_weights"}
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    assert harness(*command(images, str(small_disk / "out"))).returncode == 0
    assert all(path.read_text() == text for path, text in kept.items())


def test_two_processes_give_the_same_tables(harness: Harness, images: Path) -> None:
    assert harness(*command(images, "one")).returncode == 0
    outcome = harness(*command(images, "two"), "--workers", "2")
    assert outcome.returncode == 0, outcome.stderr
    one, two = tables("one"), tables("two")
    for name, frame in one.items():
        pd.testing.assert_frame_equal(
            frame.reset_index(drop=True), two[name].reset_index(drop=True)
        )
