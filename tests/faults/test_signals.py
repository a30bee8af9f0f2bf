"""Commands that are stopped at random moments by SIGINT, SIGTERM or SIGKILL, and started again.

Each test runs a command undisturbed, then stops the same command ``SIGNALS`` times before it may
finish. The outcome must be that of the undisturbed one: the same tables, curve, pictures and pages;
nothing that was recorded is lost or written again; no stray file, no held lock and no living child
remains.
``HARNESS_SEED`` repeats a failure; the seed is part of the failing message.
"""

import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import psutil
import pytest

from harness.data.sources import sources_of
from harness.training.log import read_log
from tests.jobs.conftest import images as images

pytestmark = pytest.mark.faults

SIGNALS = 16
HOW = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
ENDS = {
    signal.SIGINT: (0, 128 + signal.SIGINT),
    signal.SIGTERM: (0, 128 + signal.SIGTERM),
    signal.SIGKILL: (0, -signal.SIGKILL),
}
STARTS_WITHIN_S = 60
ENDS_WITHIN_S = 20
LEFT_OVER = re.compile(r"\.tmp|\.part|^tmp")
WALL_TIMES = ("network_seconds", "total_seconds", "images_per_s", "input_share", "wall_s")


@dataclass(frozen=True)
class Command:
    """What is stopped and started again.

    Attributes:
        arguments: of ``python -m harness``, with ``OUT`` for the folder that it fills.
        outcome: what must be the same, of that folder.
        lasting: patterns of files that are never written again once they are there.
    """

    arguments: tuple[str, ...]
    outcome: Callable[[Path], object]
    lasting: tuple[str, ...] = ()

    def words(self, out: Path) -> list[str]:
        words = [word.replace("OUT", str(out)) for word in self.arguments]
        return [sys.executable, "-m", "harness", *words]


def marked(mark: str) -> list[psutil.Process]:
    """Living processes whose environment holds a mark, this one's descendants or not."""
    found = []
    for process in psutil.process_iter():
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            if alive and process.environ().get("HARNESS_TEST_MARK") == mark:
                found.append(process)
        except psutil.Error:
            continue
    return found


def started(command: Command, out: Path) -> tuple[subprocess.Popen[str], str]:
    mark = os.urandom(8).hex()
    environment = {**os.environ, "HARNESS_TEST_MARK": mark, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command.words(out),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return process, mark


def wait_for_handlers(process: subprocess.Popen[str]) -> None:
    """Until SIGTERM is caught: before, Python is still starting, and a signal ends it unseen."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except FileNotFoundError:
            time.sleep(0.5)
            return
        caught = int(re.search(r"SigCgt:\s*([0-9a-f]+)", status)[1], 16)  # type: ignore[index]
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)


def finish(command: Command, out: Path) -> float:
    """Run a command to its end; the seconds that it took."""
    start = time.monotonic()
    process, _ = started(command, out)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return time.monotonic() - start


def stop(command: Command, out: Path, how: signal.Signals, after_s: float, label: str) -> None:
    """Start a command, send it a signal, and check how it ends."""
    process, mark = started(command, out)
    wait_for_handlers(process)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        # A terminal's Ctrl-C reaches the children, too.
        if how == signal.SIGINT:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
    try:
        _, errors = process.communicate(timeout=ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"{label}: it did not end")
    assert process.returncode in ENDS[how], f"{label}: exit code {process.returncode}: {errors}"
    assert "Traceback" not in errors, f"{label}: {errors}"
    deadline = time.monotonic() + 5
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, f"{label}: {[p.cmdline() for p in left]} live on"


def lasting(command: Command, out: Path) -> dict[Path, tuple[int, str]]:
    return {
        path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for pattern in command.lasting
        for path in out.glob(pattern)
    }


def files(folder: Path) -> set[str]:
    """All files but locks, which are kept; names of records are hashes of their specs."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    }


def disturb(command: Command, tmp_path: Path, signals: int = SIGNALS) -> None:
    seed = int(os.environ.get("HARNESS_SEED", random.randrange(10**6)))
    print(f"HARNESS_SEED={seed}")
    rng = random.Random(seed)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    duration_s = finish(command, whole)
    expected = command.outcome(whole)
    kept: dict[Path, tuple[int, str]] = {}
    for number in range(signals):
        how = rng.choice(HOW)
        # Started again, less is left to do: moments near the start meet work in all stages.
        after_s = duration_s * rng.random() ** 2
        label = f"HARNESS_SEED={seed}, signal {number}: {how.name} after {after_s:.2f} s"
        stop(command, broken, how, after_s, label)
        now = lasting(command, broken)
        assert kept.items() <= now.items(), f"{label}: {set(kept) - set(now)} changed"
        kept = now
    finish(command, broken)
    assert kept.items() <= lasting(command, broken).items()
    assert command.outcome(broken) == expected, f"HARNESS_SEED={seed}"
    assert files(broken) == files(whole), f"HARNESS_SEED={seed}"
    stray = [name for name in files(broken) if LEFT_OVER.search(Path(name).name)]
    assert not stray, f"HARNESS_SEED={seed}: {stray}"


def tables(out: Path) -> dict[str, list[dict[str, object]]]:
    """The run's tables but for wall times, in the order of jobs' ids."""
    found = {}
    for path in sorted(out.glob("*.csv")):
        frame = pd.read_csv(path, dtype=str).fillna("")
        frame = frame[[c for c in frame.columns if c not in WALL_TIMES]]
        found[path.name] = frame.sort_values(list(frame.columns)).to_dict("records")
    return found  # type: ignore[return-value]


def bytes_of(out: Path) -> dict[str, str]:
    return {
        name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in sorted(files(out))
    }


def run_words(photos: Path, only: str = "cost,quality,pictures") -> tuple[str, ...]:
    return (
        *("run", "--variants", "bicubic,ms-lapsrn,cms-lapsrn-conv3", "--scales", "2,4"),
        *("--dataset", f"photos={photos}", "--only", only, "--save-images", "--results", "OUT"),
    )


RECORDS = ("jobs/*.json",)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)


def test_run(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    disturb(Command(run_words(images), tables, RECORDS), tmp_path, 20)


def test_run_with_workers(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    words = (*run_words(images), "--workers", "2")
    disturb(Command(words, tables, RECORDS), tmp_path, 20)


def test_run_with_latency(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times differ from run to run: what must be the same is which of them there are."""
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    words = (*run_words(images, "cost,latency"), "--lr-size", "32x32")
    disturb(Command(words, lambda out: sorted(files(out / "jobs")), RECORDS), tmp_path)


def test_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome(out: Path) -> object:
        curve = [
            {k: v for k, v in row.items() if k not in WALL_TIMES}
            for row in read_log(out / "log.csv")
        ]
        return curve, [
            hashlib.sha256(p.read_bytes()).hexdigest() for p in out.glob("*.safetensors")
        ]

    monkeypatch.delenv("HARNESS_DATA", raising=False)
    words = ("train", "--variant", "cms-lapsrn-conv3", "--recipe", "smoke", "--out", "OUT")
    disturb(Command(words, outcome), tmp_path)


def test_upscaling_a_folder(images: Path, tmp_path: Path) -> None:
    words = ("upscale", str(images), "--variant", "cms-lapsrn-conv3", "--scale", "4", "-o", "OUT")
    disturb(Command(words, bytes_of), tmp_path)


def test_a_report_being_rendered(images: Path, tmp_path: Path) -> None:
    finish(Command(run_words(images), tables), tmp_path / "run")

    words = ("report", str(tmp_path / "run"), "-o", "OUT")
    disturb(Command(words, bytes_of), tmp_path, 20)


class Slow(BaseHTTPRequestHandler):
    """Serves ``server.files`` at a megabyte a second."""

    def do_GET(self) -> None:
        content = self.server.files[self.path]  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            for at in range(0, len(content), 20_000):
                self.wfile.write(content[at : at + 20_000])
                time.sleep(0.02)
        except ConnectionError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror() -> Iterator[str]:
    data = os.environ.get("HARNESS_DATA")
    served = {}
    for source in sources_of("Set5"):
        path = Path(data or "", "Set5", source.file)
        if data is None or not path.is_file():
            pytest.skip("needs Set5 below HARNESS_DATA")
        served[f"/{source.repo}/{source.commit}/{source.path}"] = path.read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    server.files = served  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_fetching(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    words = ("data", "fetch", "Set5", "--data-root", "OUT", "--base-url", mirror)
    disturb(Command((*words, "--workers", "2"), bytes_of, ("Set5/*",)), tmp_path)
