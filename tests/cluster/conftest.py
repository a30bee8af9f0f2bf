"""Two Ray nodes on this machine, each with a data folder and a cache of its own."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
STARTS_WITHIN_S = 120
TRIES = 5
WALL_TIMES = ("network_seconds", "total_seconds")
MATRIX = ("--variants", "bicubic,ms-lapsrn,cms-lapsrn-conv3", "--scales", "2,4", "--limit", "2")


def harness(*words: object, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """``python -m harness ...`` in the working folder."""
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=timeout)


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "harness", *map(str, words)]


def tables(results: Path) -> dict[str, pd.DataFrame]:
    """Every table of a run but for wall times; numbers as they are written."""
    found = {}
    for name in ("cost.csv", "quality.csv", "images.csv"):
        frame = pd.read_csv(results / name, dtype=str).fillna("")
        frame = frame.drop(columns=[c for c in WALL_TIMES if c in frame])
        found[name] = frame.sort_values(list(frame.columns)).reset_index(drop=True)
    return found


def pictures(results: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(results)): p.read_bytes() for p in (results / "pictures").rglob("*.png")
    }


def same(one: Path, other: Path) -> None:
    """Bit by bit."""
    for name, frame in tables(one).items():
        pd.testing.assert_frame_equal(frame, tables(other)[name])
    assert pictures(one) == pictures(other)
    assert pictures(one)


def set5(folder: Path) -> Path:
    """A data folder with five small images that are called as Set5's."""
    target = folder / "Set5"
    target.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(1, 6):
        smooth = rng.random((96, 112, 3)).cumsum(0).cumsum(1)
        pixels = (255 * smooth / smooth.max()).astype(np.uint8)
        Image.fromarray(pixels).save(target / f"img_{number:03}.png")
    return folder


def other_version(folder: Path) -> Path:
    """A copy of this program, one line of it another, without weights."""
    for name in ("harness", "variants"):
        ignored = shutil.ignore_patterns("*.safetensors", "__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    with (folder / "harness" / "api.py").open("a") as code:
        code.write("# Another version.\n")
    return folder


@dataclass
class Node:
    """``ray start``."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    @property
    def cached(self) -> list[str]:
        """Names of files that were sent to it."""
        return sorted(path.name for path in (self.folder / "cache").rglob("*") if path.is_file())

    def kill(self) -> None:
        """As when a machine loses its power."""
        children: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.process.pid).children(recursive=True)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        self.process.kill()
        self.process.wait()


@dataclass
class Cluster:
    folder: Path
    port: int
    nodes: list[Node] = field(default_factory=list)

    @property
    def sockets(self) -> str:
        """Ray's folder: paths of sockets may not be long."""
        return f"/tmp/harness-ray-{os.getpid()}-{self.port}"

    @property
    def executor(self) -> str:
        return f"ray:127.0.0.1:{self.port}"

    def start(self, name: str, code: Path = ROOT) -> Node:
        """Another node, of one processor; begun again where a busy machine lets Ray give up.

        Args:
            name: of its folder.
            code: the folder that it imports this program from.
        """
        for _ in range(TRIES - 1):
            with suppress(TimeoutError):
                return self._started(name, code)
        return self._started(name, code)

    def _started(self, name: str, code: Path) -> Node:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        temporary = f"--temp-dir={self.sockets}"
        head = ("--head", f"--port={self.port}", "--include-dashboard=false", temporary)
        words = head if not self.nodes else (f"--address=127.0.0.1:{self.port}",)
        own = {"HARNESS_DATA": str(folder / "data"), "HARNESS_CACHE": str(folder / "cache")}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *words),
                    *("--num-cpus=1", "--disable-usage-stats", "--object-store-memory=100000000"),
                ],
                env={**os.environ, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1", **own},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=folder,
            )
        node = Node(folder, process)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while "Ray runtime started" not in node.log:
            if process.poll() is not None or time.monotonic() > deadline:
                node.kill()
                assert "timed out during startup" in node.log, node.log
                raise TimeoutError(node.log)
            time.sleep(0.2)
        self.nodes.append(node)
        return node

    def stop(self) -> None:
        """All nodes, and what Ray left of them."""
        for node in reversed(self.nodes):
            node.kill()
        shutil.rmtree(self.sockets, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pytest.importorskip("ray", reason="needs the extra ray")
    made = Cluster(tmp_path_factory.mktemp("cluster"), free_port())
    try:
        made.start("first")
        set5(made.folder / "first" / "data")
        made.start("second")
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The matrix on this machine, one job after the other."""
    folder = tmp_path_factory.mktemp("serial")
    data = set5(folder / "data")
    os.environ["PYTHONPATH"] = str(ROOT)
    done = harness(
        *("run", *MATRIX, "--datasets", "Set5", "--data-root", data, "--device", "cpu"),
        *("--only", "cost,quality,pictures", "--results", folder / "results"),
    )
    assert done.returncode == 0, done.stderr
    return folder
