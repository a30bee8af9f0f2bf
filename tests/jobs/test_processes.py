"""Processes end with the one that started them, and SIGTERM is an interrupt."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.cli import main
from harness.jobs.executors.local import Workers
from harness.system import interrupts
from harness.system.processes import Pool

PARENT = """
import sys
from harness.system import processes
processes.PLATFORM = SYSTEM
from harness.cli import main
from harness.jobs.config import RunConfig
from harness.jobs.latency.group import measure_group
from harness.jobs.plan import make_plan
from harness.commands import list as command
from tests.jobs.test_processes import started, started_group

def workers():
    with processes.Pool(2) as executor:
        for one in [executor.submit(started, number) for number in range(2)]:
            one.result()

def group():
    config = RunConfig(variants=("bicubic",), scales=(2,), only=("latency",), device="cpu")
    measure_group(make_plan(config).jobs, started_group)

if __name__ == "__main__":
    command.command.callback = workers if sys.argv[1] == "workers" else group
    command.command.params.clear()
    main(["list"])
"""
GONE_WITHIN_S = 3


def started(number: int) -> None:
    Path(f"{number}.started").touch()
    time.sleep(60)


def started_group(*_: object) -> list[Any]:
    started(0)
    return []


@pytest.mark.parametrize(
    ("what", "how", "system"),
    [
        ("workers", signal.SIGKILL, sys.platform),
        ("workers", signal.SIGKILL, "without prctl"),
        ("workers", signal.SIGTERM, sys.platform),
        ("group", signal.SIGKILL, sys.platform),
        ("group", signal.SIGINT, sys.platform),
    ],
)
def test_children_end_with_their_parent(
    what: str,
    how: signal.Signals,
    system: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.chdir(tmp_path)
    Path("parent.py").write_text(PARENT.replace("SYSTEM", repr(system)))
    with subprocess.Popen(
        [sys.executable, "parent.py", what],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as parent:
        deadline = time.monotonic() + 60
        while len(list(Path().glob("*.started"))) < (2 if what == "workers" else 1):
            assert time.monotonic() < deadline
            assert parent.poll() is None, parent.stdout and parent.stdout.read()
            time.sleep(0.02)
        children = psutil.Process(parent.pid).children(recursive=True)
        assert children
        parent.send_signal(how)
        # The reader of a pipe sees its end only when nobody holds the other one.
        output, _ = parent.communicate(timeout=GONE_WITHIN_S)
        assert not psutil.wait_procs(children, timeout=GONE_WITHIN_S)[1]
    assert parent.returncode == (-how if how == signal.SIGKILL else 128 + how)
    assert "Traceback" not in output
    if how != signal.SIGKILL:
        assert output.strip() == "Interrupted. What was finished is kept."
    assert issubclass(Workers, Pool)


@pytest.mark.parametrize("one", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("becomes", [None, ImportError, SystemError, ValueError])
def test_an_interrupt_is_one_by_whatever_name_it_arrives(
    one: signal.Signals,
    becomes: type[Exception] | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Modules in C turn it into another exception, or drop it."""
    from harness.commands.list import command

    def interrupted(**_: object) -> int:
        try:
            signal.raise_signal(one)
        except KeyboardInterrupt as error:
            if becomes is not None:
                raise becomes from error
        return 0

    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    monkeypatch.setattr(command, "callback", interrupted)
    with pytest.raises(SystemExit) as exit_:
        main(["list"])
    assert exit_.value.code == 128 + one
    assert capsys.readouterr().err.strip() == "Interrupted. What was finished is kept."
    assert before == [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]


@pytest.mark.parametrize("one", ["SIGINT", "SIGTERM"])
def test_an_interrupt_within_a_text_that_is_executed_has_its_exit_code(
    one: str, tmp_path: Path
) -> None:
    """As while a dataclass is being made: of a plain KeyboardInterrupt Python keeps a note."""
    (tmp_path / "interrupted.py").write_text(f"""
import signal
from harness.cli import main
from harness.commands.list import command
command.callback = lambda **_: exec("signal.raise_signal(signal.{one})")
main(["list"])
""")
    outcome = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 128 + signal.Signals[one], outcome.stderr
    assert outcome.stderr.strip() == "Interrupted. What was finished is kept."


def test_signals_are_ignored_once_a_program_has_done_its_work() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    try:
        with interrupts.interrupts(last=True):
            pass
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    finally:
        for each, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(each, handler)


def test_long_work_ends_though_python_dropped_the_interrupt(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is raised within a destructor is only printed; the next job or picture notices."""
    done: list[object] = []

    class Dropping:
        def __init__(self, *_: object) -> None:
            done.append(self.__class__)

        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    def dropping(*_: object) -> None:
        Dropping()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    monkeypatch.setattr("harness.jobs.progress.JobProgress.update", dropping)
    monkeypatch.setattr("harness.upscale.canvas.Canvas.write", dropping)
    for words in (
        ["run", "--variants", "bicubic", "--dataset", f"photos={images}", "--only", "quality"],
        ["upscale", str(images), "--variant", "bicubic", "-o", "out"],
    ):
        done.clear()
        with pytest.raises(SystemExit) as exit_:
            main(words)
        assert exit_.value.code == 128 + signal.SIGTERM
        assert len(done) == 1


def test_a_signal_that_is_to_be_ignored_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with interrupts.interrupts():
            signal.raise_signal(signal.SIGTERM)
        assert interrupts.interrupt() is None
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_pool_that_is_interrupted_does_not_wait() -> None:
    start = time.monotonic()
    pool = Pool(1)
    future = pool.submit(time.sleep, 60)
    while not future.running():
        time.sleep(0.01)
    with pytest.raises(KeyboardInterrupt), pool:
        raise KeyboardInterrupt
    assert time.monotonic() - start < 30
    assert isinstance(future.exception(), BrokenProcessPool)


INTERRUPTED_AT_ONCE = """
import os, signal, sys
if "--multiprocessing-fork" in sys.orig_argv:
    os.kill(os.getpid(), signal.SIGINT)
"""
POOL = """
from harness.system.processes import Pool

if __name__ == "__main__":
    with Pool(1) as pool:
        print(pool.submit(int, "3").result())
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot be held back")
def test_an_interrupt_while_a_process_starts_is_left_to_the_parent(tmp_path: Path) -> None:
    """Ctrl-C goes to all; a Python that is starting would print a traceback, and end."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED_AT_ONCE)
    script = tmp_path / "script.py"
    script.write_text(POOL)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")
