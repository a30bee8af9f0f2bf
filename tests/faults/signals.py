"""Commands stopped by signals, and started again: ``python -m tests.faults.signals --seed 1``.

Each command runs undisturbed once, then is stopped at random moments by SIGINT, SIGTERM or SIGKILL
before it may finish. The outcome must be that of the undisturbed one: the same tables, curve,
pictures and pages; nothing that was recorded is lost or written again; no stray file, no held lock
and no living child remains. Counts per command go to results/faults/signals.json. What needs Set5
below HARNESS_DATA, or Ray, is left out, visibly, where that is missing.
"""

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import psutil

from harness.data.sources import sources_of
from harness.training.log import read_log
from tests.cluster.conftest import Cluster, free_port
from tests.faults.runner import Tally, store, summed_up
from tests.jobs.photos import photos

OUT = Path("results/faults/signals.json")
HOW = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
ENDS = {
    signal.SIGINT: (0, 128 + signal.SIGINT),
    signal.SIGTERM: (0, 128 + signal.SIGTERM),
    signal.SIGKILL: (0, -signal.SIGKILL),
}
STARTS_WITHIN_S = 60
ENDS_WITHIN_S = 20
"""After a signal, or as long as the command itself takes: the machine may be busy."""
TRIES = 4
"""As many starts for each signal: some come too late."""
LEFT_OVER = re.compile(r"\.tmp|\.part|^tmp")
WALL_TIMES = ("network_seconds", "total_seconds", "images_per_s", "input_share", "wall_s")
RECORDS = ("jobs/*.json",)


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


class MissingError(Exception):
    """A case that cannot be had here; says what is lacking."""


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
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return time.monotonic() - start


def stop(
    command: Command, out: Path, how: signal.Signals, after_s: float, within_s: float
) -> tuple[str, str]:
    """Start a command and send it a signal; how that ended, and what was wrong with it.

    Without an outcome where the command had ended before.
    """
    process, mark = started(command, out)
    wait_for_handlers(process)
    late = True
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        late = False
        # A terminal's Ctrl-C reaches the children, too.
        if how == signal.SIGINT:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
    try:
        _, errors = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "hang", "it did not end"
    if "Traceback" in errors:
        return "traceback", errors[-400:]
    if process.returncode not in ENDS[how]:
        return "wrong", f"exit code {process.returncode}: {errors[-400:]}"
    deadline = time.monotonic() + 5
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        return "wrong", f"{[p.cmdline() for p in left]} live on"
    return "" if late else "clear_error" if process.returncode else "clean", ""


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


def disturb(command: Command, folder: Path, rng: random.Random, signals: int) -> Tally:
    """Stop a command so many times, then let it finish; counts of how it ended each time.

    A signal that stopped it is a clear error, one that found it about to end is clean; one that
    came too late does not count, and the command begins anew.
    """
    # A shell's background job ignores it, and so would what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tally = Tally()
    whole, broken = folder / "whole", folder / "broken"
    duration_s = finish(command, whole)
    expected = command.outcome(whole)
    within_s = max(ENDS_WITHIN_S, duration_s)
    kept: dict[Path, tuple[int, str]] = {}

    def judge(label: str) -> None:
        for wrong in differences(command, whole, broken, kept, expected):
            tally.wrong += 1
            tally.failures.append(label + wrong)

    for _ in range(TRIES * signals):
        if tally.tried == signals:
            break
        how = rng.choice(HOW)
        # Started again, less is left to do: moments near the start meet work in all stages.
        after_s = duration_s * rng.random() ** 2
        label = f"signal {tally.tried}, {how.name} after {after_s:.2f} s: "
        fresh, began = not broken.exists(), time.monotonic()
        outcome, wrong = stop(command, broken, how, after_s, within_s)
        now = lasting(command, broken)
        if not wrong and not kept.items() <= now.items():
            outcome, wrong = "wrong", f"lost or written again: {set(kept.items()) - now.items()}"
        if outcome:
            tally.add(outcome, wrong and label + wrong)
            kept = now
            continue
        judge(label)
        shutil.rmtree(broken)
        kept = {}
        if fresh:  # The machine is less busy than it was.
            duration_s = time.monotonic() - began
    finish(command, broken)
    judge("")
    return tally


def differences(
    command: Command, whole: Path, broken: Path, kept: dict[Path, tuple[int, str]], expected: object
) -> Iterator[str]:
    """What is other in a folder whose command was disturbed."""
    if not kept.items() <= lasting(command, broken).items():
        yield "the last run lost records, or wrote them again"
    if command.outcome(broken) != expected:
        yield "another outcome than that of the undisturbed command"
    if files(broken) != files(whole):
        yield f"files of one folder only: {sorted(files(broken) ^ files(whole))}"
    if stray := [name for name in files(broken) if LEFT_OVER.search(Path(name).name)]:
        yield f"left behind: {stray}"


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


def run_words(images: Path, only: str = "cost,quality,pictures") -> tuple[str, ...]:
    return (
        *("run", "--variants", "bicubic,ms-lapsrn,cms-lapsrn-conv3", "--scales", "2,4"),
        *("--dataset", f"photos={images}", "--only", only, "--save-images", "--results", "OUT"),
    )


@contextmanager
def running(folder: Path) -> Iterator[Command]:
    yield Command(run_words(photos(folder / "photos")), tables, RECORDS)


@contextmanager
def running_with_workers(folder: Path) -> Iterator[Command]:
    words = (*run_words(photos(folder / "photos")), "--workers", "2")
    yield Command(words, tables, RECORDS)


@contextmanager
def running_on_ray(folder: Path) -> Iterator[Command]:
    if find_spec("ray") is None:
        raise MissingError("needs the extra ray")
    cluster = Cluster(folder, free_port())
    try:
        cluster.start("first")
        cluster.start("second")
        words = (*run_words(photos(folder / "photos")), "--executor", cluster.executor)
        yield Command(words, tables, RECORDS)
    finally:
        cluster.stop()


@contextmanager
def running_with_latency(folder: Path) -> Iterator[Command]:
    """Times differ from run to run: what must be the same is which of them there are."""
    words = (*run_words(photos(folder / "photos"), "cost,latency"), "--lr-size", "32x32")
    yield Command(words, lambda out: sorted(files(out / "jobs")), RECORDS)


@contextmanager
def training(folder: Path) -> Iterator[Command]:
    def outcome(out: Path) -> object:
        curve = [
            {k: v for k, v in row.items() if k not in WALL_TIMES}
            for row in read_log(out / "log.csv")
        ]
        return curve, [
            hashlib.sha256(p.read_bytes()).hexdigest() for p in out.glob("*.safetensors")
        ]

    words = ("train", "--variant", "cms-lapsrn-conv3", "--recipe", "smoke", "--out", "OUT")
    yield Command(words, outcome)


@contextmanager
def upscaling_a_folder(folder: Path) -> Iterator[Command]:
    images = photos(folder / "photos")
    words = ("upscale", str(images), "--variant", "cms-lapsrn-conv3", "--scale", "4", "-o", "OUT")
    yield Command(words, bytes_of)


@contextmanager
def rendering(folder: Path) -> Iterator[Command]:
    finish(Command(run_words(photos(folder / "photos")), tables), folder / "run")
    yield Command(("report", str(folder / "run"), "-o", "OUT"), bytes_of)


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


@contextmanager
def fetching(_: Path) -> Iterator[Command]:
    served = {}
    for source in sources_of("Set5"):
        path = Path(os.environ.get("HARNESS_DATA") or "", "Set5", source.file)
        if "HARNESS_DATA" not in os.environ or not path.is_file():
            raise MissingError("needs Set5 below HARNESS_DATA")
        served[f"/{source.repo}/{source.commit}/{source.path}"] = path.read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    server.files = served  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mirror = f"http://127.0.0.1:{server.server_address[1]}"
    words = ("data", "fetch", "Set5", "--data-root", "OUT", "--base-url", mirror, "--workers", "2")
    try:
        yield Command(words, bytes_of, ("Set5/*",))
    finally:
        server.shutdown()
        server.server_close()


COMMANDS: dict[str, Callable[[Path], AbstractContextManager[Command]]] = {
    "run": running,
    "run_workers": running_with_workers,
    "run_ray": running_on_ray,
    "run_latency": running_with_latency,
    "train": training,
    "data_fetch": fetching,
    "upscale_folder": upscaling_a_folder,
    "report": rendering,
}


def run_command(name: str, seed: int, signals: int) -> Tally:
    """Disturb one of :data:`COMMANDS` in a folder of its own, without data but what it brings.

    Raises:
        MissingError: this machine lacks what it needs.
    """
    rng = random.Random(f"{seed} {name}")
    folder = Path(tempfile.mkdtemp(prefix="signals-"))
    before = dict(os.environ)
    here = Path(__file__).parents[2]
    try:
        with COMMANDS[name](folder) as command:
            os.environ.pop("HARNESS_DATA", None)
            os.environ |= {"NO_PROXY": "127.0.0.1", "PYTHONPATH": str(here)}
            return disturb(command, folder, rng, signals)
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Exit code 1 if any signal ended in a traceback, a hang or a wrong result."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.signals", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--n", type=int, default=100, help="signals in all")
    parser.add_argument("--only", default=",".join(COMMANDS), help="commands, by commas")
    parser.add_argument("--out", type=Path, default=OUT, help=f"[default: {OUT}]")
    options = parser.parse_args()
    print(f"--seed {options.seed}", flush=True)
    names = options.only.split(",")
    tallies: dict[str, Tally] = {}
    for number, name in enumerate(COMMANDS):
        if name not in names:
            continue
        signals = options.n // len(COMMANDS) + (number < options.n % len(COMMANDS))
        try:
            tallies[name] = run_command(name, options.seed, signals)
        except MissingError as error:
            print(f"{name}: left out: {error}", flush=True)
            continue
        print(tallies[name].line(name), flush=True)
        for failure in tallies[name].failures:
            print(f"    {failure}", flush=True)
        store(options.out, options.seed, options.n, tallies)
    return summed_up(tallies, "signals")


if __name__ == "__main__":
    sys.exit(main())
