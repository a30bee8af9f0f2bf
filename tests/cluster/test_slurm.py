"""Jobs as SLURM's: by submitit's stand-ins for it, by one of ours for its commands, and by SLURM
itself where this machine has one.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.cluster.conftest import MATRIX, command, harness, other_version, same, tables

pytestmark = pytest.mark.cluster
pytest.importorskip("submitit", reason="needs the extra slurm")

# One job after the other; what SLURM refuses is refused in its words.
SBATCH = """
if grep -q -- '--exclusive=' "$1"; then
    echo "sbatch: error: Invalid --exclusive specification" >&2; exit 1
fi
if grep -q -- '--gpus-per-node' "$1"; then
    echo "sbatch: error: Invalid generic resource (gres) specification" >&2; exit 1
fi
if grep -q -- '--exclude=' "$1"; then
    echo "sbatch: error: Batch job submission failed: Requested node configuration is not" \\
        "available" >&2; exit 1
fi
n=$(($(ls $JOBS | wc -l) + 1))
export PYTHONPATH=${OTHER_VERSION:-$PYTHONPATH}
export SLURM_JOB_ID=$n SLURM_NTASKS=1 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0
export SLURM_JOB_NUM_NODES=1 SLURM_CPUS_PER_TASK=1
touch $JOBS/$n
setsid flock $JOBS/../lock bash "$1" > /dev/null 2>&1 < /dev/null &
echo $! > $JOBS/$n
echo "Submitted batch job $n"
"""
COMMANDS = {
    "srun": "exit 1",
    "sbatch": SBATCH,
    "squeue": "for j in $JOBS/*; do kill -0 -- -$(cat $j) && basename $j; done 2> /dev/null; true",
    "scancel": "for n; do kill -9 -- -$(cat $JOBS/$n); done",
    "scontrol": "echo JobState=NODE_FAIL",
}


@pytest.fixture(params=["stand-in", "real"])
def slurm(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "real":
        if subprocess.run(["sh", "-c", "sinfo"], capture_output=True, check=False).returncode:
            pytest.skip("needs SLURM")
        return
    jobs = tmp_path / "queue" / "jobs"
    jobs.mkdir(parents=True)
    for name, text in COMMANDS.items():
        script = tmp_path / "queue" / name
        script.write_text(f"#!/bin/bash\nJOBS={jobs}\n{text}\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'queue'}:{os.environ['PATH']}")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("cluster", ["local", "debug"])
def test_the_tables_are_those_of_one_machine(cluster: str, serial: Path) -> None:
    done = harness(
        *("run", *MATRIX, "--datasets", "Set5", "--data-root", serial / "data"),
        *("--only", "cost,quality,pictures", "--results", "out"),
        *("--executor", f"slurm:{cluster}"),
    )
    assert done.returncode == 0, done.stderr
    same(serial / "results", Path("out"))
    assert not Path("out/.slurm").exists()


def words(serial: Path, executor: str = "slurm", results: str = "out") -> list[str]:
    """Few jobs: SLURM starts Python and torch for each."""
    return [
        *("run", "--variants", "bicubic,cms-lapsrn-conv3", "--scales", "4", "--limit", "2"),
        *("--datasets", "Set5", "--data-root", str(serial / "data"), "--baseline", "bicubic"),
        *("--only", "cost,quality", "--results", results, "--executor", executor),
    ]


def same_as_here(serial: Path) -> None:
    """Bit by bit."""
    done = harness(*words(serial, "local", "here"))
    assert done.returncode == 0, done.stderr
    for name, frame in tables(Path("here")).items():
        pd.testing.assert_frame_equal(frame, tables(Path("out"))[name])


def queue() -> set[str]:
    told = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i"], capture_output=True, text=True, check=True
    )
    return set(told.stdout.split())


def records() -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in Path("out/jobs").glob("*.json")}


@pytest.fixture
def under_way(slurm: None, serial: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that has its first record."""
    process = subprocess.Popen(
        command(*words(serial)), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    deadline = time.monotonic() + 300
    while not records():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield process
    process.kill()


def test_a_job_that_is_lost_is_begun_again(under_way: subprocess.Popen[str], serial: Path) -> None:
    subprocess.run(["scancel", max(queue(), key=int)], check=True)
    _, errors = under_way.communicate(timeout=600)
    assert under_way.returncode == 0, errors
    assert re.search(r"Lost: .*: SLURM's job \d+ ended as [A-Z_]+; it is begun again", errors)
    same_as_here(serial)
    assert not queue()


def test_what_a_killed_run_left_is_taken_back(
    under_way: subprocess.Popen[str], serial: Path
) -> None:
    under_way.send_signal(signal.SIGKILL)
    under_way.communicate()
    kept, left = records(), queue()
    assert left
    done = harness(*words(serial))
    assert done.returncode == 0, done.stderr
    assert f"{len(kept)} taken" in done.stderr
    assert kept.items() <= records().items()
    assert not queue()
    same_as_here(serial)


def test_latency_has_a_machine_to_itself(slurm: None) -> None:
    done = harness(
        *("run", "--variants", "bicubic,ms-lapsrn", "--scales", "4", "--only", "latency,cost"),
        *("--lr-size", "16x16", "--results", "out", "--executor", "slurm", "--device", "cpu"),
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in Path("out/jobs").glob("latency-*.json")]
    assert len({record["result"]["group"] for record in found}) == 1
    # All processors, though a job of another kind has one.
    assert {record["spec"]["threads"] for record in found} == {len(os.sched_getaffinity(0))}


def test_a_gpu_that_slurm_has_not(slurm: None) -> None:
    done = harness(
        *("run", "--device", "cuda", "--only", "cost", "--executor", "slurm", "--results", "out")
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: SLURM takes no job with a GPU: sbatch: error: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_machine_with_another_version(
    slurm: None, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if request.node.callspec.id == "real":
        pytest.skip("SLURM's jobs have the environment that they are sent from")
    monkeypatch.setenv("OTHER_VERSION", str(other_version(tmp_path / "other")))
    done = harness(
        *("run", "--variants", "bicubic", "--scales", "2", "--only", "cost", "--results", "out"),
        *("--executor", "slurm"),
    )
    assert done.returncode == 2
    note, error = done.stderr.splitlines()
    assert "has other code of cms-lapsrn-harness than the" in note
    assert error.startswith("Error: SLURM has no other machine")
    assert error.endswith("run the same command again to go on.")


@pytest.mark.skipif(shutil.which("srun") is not None, reason="there is SLURM here")
def test_without_slurm() -> None:
    done = harness("run", "--only", "cost", "--executor", "slurm", "--results", "out")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: --executor slurm: there is no SLURM here")
    assert len(done.stderr.splitlines()) == 1


def test_another_word_than_a_cluster_s() -> None:
    done = harness("run", "--only", "cost", "--executor", "slurm:moon", "--results", "out")
    assert done.returncode == 2
    assert "it is one of slurm, local, debug" in done.stderr
