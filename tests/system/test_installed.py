"""From a wheel, outside the checkout: things of one's own in one run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NETWORK = '''
from torch import nn


class Rgb3(nn.Module):
    """3x, RGB, of sizes that are multiples of 8."""

    colour, multiple = "rgb", 8

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 27, 3, padding=1)
        self.up = nn.PixelShuffle(3)

    def forward(self, x):
        assert x.shape[2] % 8 == x.shape[3] % 8 == 0
        return self.up(self.conv(x))
'''
RUN_YAML = """
plugins: [my_upsampler.py, my_metric.py]
networks: {rgb3: "my_network:Rgb3"}
variants: "bicubic, my-upsampler[depth=1,width=8]"
train: missing
recipe: smoke
baseline: bicubic
scales: 2, 3
datasets: embedded
limit: 1
workers: 2
results: out
latency: {lr_sizes: 16x16, warmup_s: 0, max_s: 0.2}
"""
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel alone is installed."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheels = folder / "wheels"
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(wheels), str(ROOT)], check=True)
    (wheel,) = wheels.glob("*.whl")
    target = folder / "site"
    command = [*pip, "install", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(command, check=True)
    return target


def harness(site: Path, folder: Path, *arguments: str) -> Done:
    command = [sys.executable, "-m", "harness", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    environment.pop("HARNESS_DATA", None)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def records(folder: Path) -> dict[str, str]:
    """Statuses by a job's name without its hash, of all that are recorded."""
    files = (folder / "out" / "jobs").glob("*.json")
    return {f.stem: json.loads(f.read_text("utf-8"))["status"] for f in files}


def names(found: dict[str, str]) -> set[str]:
    return {name.rpartition("-")[0] for name in found}


def test_things_of_ones_own_in_one_run(installed: Path, tmp_path: Path) -> None:
    where = harness(installed, tmp_path, "new", "upsampler", "my-upsampler")
    assert where.returncode == 0, where.stderr
    assert harness(installed, tmp_path, "new", "metric", "my-metric").returncode == 0
    (tmp_path / "my_network.py").write_text(NETWORK)
    (tmp_path / "run.yaml").write_text(RUN_YAML)
    done = harness(installed, tmp_path, "run", "--config", "run.yaml")
    assert done.returncode == 0, done.stderr
    first = records(tmp_path)
    kinds = {name.split("-")[0] for name in first}
    assert kinds == {"cost", "quality", "pictures", "latency"}
    assert set(first.values()) == {"done"}
    assert sum(name.startswith("quality-my_upsampler") for name in first) == 1
    for kind in kinds:
        assert any(name.startswith(f"{kind}-rgb3-3x") for name in first), kind
    report = (tmp_path / "out" / "report" / "report.md").read_text("utf-8")
    assert "could not be made" not in report
    for words in ("MyMetric (levels)", "| rgb3 |", "MyUpsampler"):
        assert words in report

    # The same again measures nothing; after an edit, what uses the file.
    done = harness(installed, tmp_path, "run", "--config", "run.yaml")
    assert "0 jobs measured" in done.stderr
    with (tmp_path / "my_network.py").open("a") as file:
        file.write("# edited\n")
    done = harness(installed, tmp_path, "run", "--config", "run.yaml")
    assert done.returncode == 0, done.stderr
    new = names(records(tmp_path)) & names(
        {k: v for k, v in records(tmp_path).items() if k not in first}
    )
    assert new
    assert all("-rgb3-3x" in name for name in new), new


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1 / 0\n", "network x: module bad cannot be imported: ZeroDivisionError"),
        ("def make(): return 1\n", "the factory gave a value of type int"),
    ],
)
def test_a_network_that_fails_is_one_sentence(
    installed: Path, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "bad.py").write_text(content)
    done = harness(installed, tmp_path, "run", "--network", "x=bad:make", "--only", "cost")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert words in done.stderr


def test_an_installed_package_offers_a_network(installed: Path, tmp_path: Path) -> None:
    code = NETWORK + 'from harness import register_network\nregister_network("theirs", Rgb3)\n'
    (tmp_path / "their_network.py").write_text(code)
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness.networks]\nrgb3 = their_network\n")
    arguments = ("--scales", "3", "--only", "quality,latency", "--datasets", "embedded")
    (tmp_path / "run.yaml").write_text(
        "limit: 1\nlatency: {lr_sizes: 8x8, warmup_s: 0, max_s: 0.1}\n"
    )
    given = ("--config", "run.yaml", "--variants", "theirs", "--results", "out", *arguments)
    done = harness(installed, tmp_path, "run", *given, "--baseline", "bicubic")
    assert done.returncode == 0, done.stderr
    assert set(records(tmp_path).values()) == {"done"}
    assert len(records(tmp_path)) == 2
