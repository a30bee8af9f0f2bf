"""A run on two Ray nodes finds what a run on one machine finds, whatever is lost meanwhile."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cluster.conftest import MATRIX, Cluster, command, free_port, harness, other_version, same

pytestmark = pytest.mark.cluster
JOBS = 18


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def words(
    cluster: Cluster, serial: Path, results: str, only: str = "cost,quality,pictures"
) -> list[str]:
    return [
        *("run", *MATRIX, "--datasets", "Set5", "--data-root", str(serial / "data")),
        *("--only", "cost,quality,pictures", "--results", results, "--executor", cluster.executor),
    ]


def records(results: str) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in Path(results, "jobs").glob("*.json")}


def words_of(name: str) -> tuple[str, ...]:
    """Of a record's file, the last two are its hash and ending."""
    return tuple(re.findall(r"[A-Za-z0-9]+", name))


def wait_for_records(process: subprocess.Popen[str], results: str, n: int) -> None:
    deadline = time.monotonic() + 300
    while len(records(results)) < n:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def start(*given: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*given), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )


def test_the_tables_are_those_of_one_machine(cluster: Cluster, serial: Path) -> None:
    done = harness(*words(cluster, serial, "out"))
    assert done.returncode == 0, done.stderr
    assert f"{JOBS} jobs measured, 0 taken" in done.stderr
    same(serial / "results", Path("out"))
    first, second = cluster.nodes
    # The first has a copy of the images, the second was sent what it lacked.
    assert first.cached == []
    assert second.cached == ["img_001.png", "img_002.png"]
    again = harness(*words(cluster, serial, "out"))
    assert f"0 jobs measured, {JOBS} taken" in again.stderr


def test_a_node_that_is_lost_costs_its_jobs_time_only(cluster: Cluster, serial: Path) -> None:
    process = start(*words(cluster, serial, "out"))
    wait_for_records(process, "out", 3)
    lost = cluster.nodes.pop()
    lost.kill()
    killed = time.time()
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    begun_again = re.findall(r"Lost: (.+?)(?: and \d+ more)?: .* it is begun again", errors)
    assert begun_again
    done = {words_of(name)[:-2]: ns / 1e9 for name, ns in records("out").items()}
    for title in begun_again:
        took = done[words_of(title)] - killed
        print(f"{title}: recorded {took:.1f} s after its node died")
    same(serial / "results", Path("out"))
    cluster.start("third")


def test_a_run_that_was_killed_goes_on(cluster: Cluster, serial: Path) -> None:
    process = start(*words(cluster, serial, "out"))
    wait_for_records(process, "out", 4)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = records("out")
    done = harness(*words(cluster, serial, "out"))
    assert done.returncode == 0, done.stderr
    assert f"{JOBS - len(kept)} jobs measured, {len(kept)} taken" in done.stderr
    assert kept.items() <= records("out").items()
    same(serial / "results", Path("out"))


def test_an_interrupt_is_answered(cluster: Cluster, serial: Path) -> None:
    for how in (signal.SIGINT, signal.SIGTERM):
        process = start(*words(cluster, serial, "out"))
        wait_for_records(process, "out", len(records("out")) + 1)
        process.send_signal(how)
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (0, 128 + how), errors
        assert "Traceback" not in errors


def test_latency_has_a_machine_to_itself(cluster: Cluster, serial: Path) -> None:
    done = harness(
        *("run", "--variants", "bicubic,ms-lapsrn", "--scales", "4", "--only", "latency"),
        *("--lr-size", "16x16", "--results", "out", "--executor", cluster.executor),
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(p.read_text()) for p in Path("out/jobs").glob("latency-*.json")]
    assert len(found) == 2
    assert len({record["result"]["group"] for record in found}) == 1
    # The node's processors, not those of this process.
    assert {record["spec"]["threads"] for record in found} == {1}


def test_a_gpu_that_nobody_has(cluster: Cluster) -> None:
    done = harness("run", "--device", "cuda", "--only", "cost", "--executor", cluster.executor)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: --device cuda: no machine of the Ray cluster has a GPU")
    assert len(done.stderr.splitlines()) == 1


def test_a_node_with_another_version_is_refused(
    cluster: Cluster, serial: Path, tmp_path: Path
) -> None:
    other = cluster.start("other", other_version(tmp_path / "code"))
    done = harness(*words(cluster, serial, "out"))
    other.kill()
    cluster.nodes.remove(other)
    assert done.returncode == 0, done.stderr
    notes = [line for line in done.stderr.splitlines() if line.startswith("Note: no jobs for a ma")]
    assert len(notes) == 1
    assert re.search(
        r"has other code of cms-lapsrn-harness than the \w{12} that this run", notes[0]
    )
    assert other.cached == []
    same(serial / "results", Path("out"))


def test_a_cluster_that_is_lost_ends_the_run_in_a_sentence(serial: Path, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "lost", free_port())
    cluster.folder.mkdir()
    try:
        cluster.start("only")
        process = start(*words(cluster, serial, "out"))
        wait_for_records(process, "out", 2)
    finally:
        cluster.stop()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 2, errors
    assert "Traceback" not in errors
    (error,) = (line for line in errors.splitlines() if line.startswith("Error: "))
    assert error.endswith("run the same command again to go on.")
    done = harness(*words(cluster, serial, "out")[:-2])
    assert done.returncode == 0, done.stderr
    same(serial / "results", Path("out"))


def test_no_cluster_there() -> None:
    done = harness("run", "--only", "cost", "--executor", "ray:127.0.0.1:1")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: no Ray cluster at 127.0.0.1:1")
    assert len(done.stderr.splitlines()) == 1


def test_plug_ins_and_catalogs_travel(cluster: Cluster, serial: Path) -> None:
    Path("here").mkdir()
    Path("here/mine.py").write_text(
        "from harness import Metric, register_metric\n"
        'register_metric(Metric("zero", "Zero", "", 1, lambda _: 0.0, higher_is_better=True))\n'
    )
    done = harness(
        *("run", "--plugin", "here/mine.py", "--catalog", "zoo", "--variants", "bicubic"),
        *("--baseline", "bicubic", "--scales", "4", "--datasets", "Set5", "--limit", "1"),
        *("--data-root", serial / "data", "--only", "quality", "--results", "out"),
        *("--executor", cluster.executor),
    )
    assert done.returncode == 0, done.stderr
    (path,) = Path("out/jobs").glob("quality-*.json")
    assert json.loads(path.read_text())["result"]["zero"] == 0.0
    assert any("mine.py" in node.cached for node in cluster.nodes)


def test_a_plan_is_trained_by_the_cluster(cluster: Cluster) -> None:
    Path("plan.yaml").write_text(
        "a: {variant: cms-lapsrn-conv3, recipe: smoke, steps: 2}\n"
        "b: {variant: ms-lapsrn, recipe: smoke, steps: 2}\n"
        "after: {variant: cms-lapsrn-conv1, recipe: smoke, steps: 2, init: a}\n"
        "bad: {variant: bicubic, recipe: smoke}\n"
    )
    given = ("train", "--plan", "plan.yaml", "--device", "cpu")
    done = harness(*given, "--out", "there", "--executor", cluster.executor)
    assert done.returncode == 1, done.stderr
    assert "Failed: bad: bicubic has nothing to train" in done.stderr
    assert "Traceback" not in done.stderr
    here = harness(*given, "--out", "here")
    assert here.returncode == 1
    for name in ("a", "b", "after"):
        (there,) = Path("there", name).glob("*.safetensors")
        assert there.read_bytes() == Path("here", name, there.name).read_bytes()
        assert Path("there", name, "training.json").is_file()
