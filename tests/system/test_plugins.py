"""Plug-ins, used from a folder outside the checkout in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

UPSAMPLER = '''
from torch import nn
from torch.nn import functional as F
from harness import Upsampler, Variant, register_upsampler, register_variant

@register_upsampler("mine")
class Mine(Upsampler):
    """A 1x1 convolution, then nearest neighbour: C x H x W to C x 2H x 2W."""

    def __init__(self, channels, *, n_convs, crop):
        super().__init__(channels, n_convs=n_convs, crop=crop)
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x, convs):
        return F.interpolate(self.conv(x), scale_factor=2, mode="nearest")

    def macs(self, height, width):
        return self.conv.weight.numel() * height * width

options = {"width": 4, "depth": 1, "recursions": 1}
register_variant(Variant("mine", "Mine", "ms-lapsrn", "a test", options, "mine"))
register_variant(Variant("theirs", "Theirs", "ms-lapsrn", "a test", options, "transposed"))
'''
METRIC = """
import numpy as np
from harness import Metric, register_metric

def error(pair):
    return float(np.abs(pair.sr_y - pair.hr_y).mean())

register_metric(Metric("mae_y", "MAE", "", 4, error, higher_is_better=False))
"""


def harness(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command line in a folder."""
    command = [sys.executable, "-m", "harness", *arguments]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    shared = "--variants bicubic,mine,theirs --baseline bicubic --scales 2 --datasets embedded"
    plugins = ("--plugin", "upsampler.py", "--plugin", "metric.py", "--results", "results")
    return harness(folder, "run", *plugins, *shared.split(), "--limit", "1", *arguments)


def records(folder: Path) -> dict[str, dict[str, object]]:
    """All records by file name."""
    files = (folder / "results" / "jobs").glob("*.json")
    return {file.stem: json.loads(file.read_text("utf-8")) for file in files}


def test_what_plugins_register_is_measured_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "upsampler.py").write_text(UPSAMPLER)
    (tmp_path / "metric.py").write_text(METRIC)
    (tmp_path / "run.yaml").write_text("latency: {lr_sizes: 8x8, warmup_s: 0, max_s: 0.1}\n")
    done = run(tmp_path, "--config", "run.yaml", "--only", "cost,quality,latency", "--workers", "2")
    assert done.returncode == 0, done.stderr
    first = records(tmp_path)
    statuses = {name.rpartition("-")[0]: record["status"] for name, record in first.items()}
    # A variant without weights has nothing to evaluate.
    unweighted = [statuses.pop(f"quality-{name}-2x-embedded") for name in ("mine", "theirs")]
    assert set(unweighted) == {"no_weights"}
    assert len(statuses) == 7
    assert set(statuses.values()) == {"done"}
    (bicubic,) = (r for name, r in first.items() if name.startswith("quality-bicubic"))
    assert 0 < bicubic["result"]["mae_y"] < 0.1  # type: ignore[index]
    assert "mae_y" in (tmp_path / "results" / "quality.csv").read_text("utf-8")
    assert "MAE" in (tmp_path / "results" / "report" / "report.md").read_text("utf-8")

    # Only what uses a plug-in is measured again when it is edited.
    (tmp_path / "upsampler.py").write_text(UPSAMPLER + "# edited\n")
    (tmp_path / "metric.py").write_text(METRIC + "# edited\n")
    assert run(tmp_path, "--only", "cost,quality").returncode == 0
    again = {name.rpartition("-")[0] for name in set(records(tmp_path)) - set(first)}
    expected = {f"quality-{name}-2x-embedded" for name in ("bicubic", "mine", "theirs")}
    assert again == {"cost-mine-2x", *expected}


PROBLEMS = {
    "raises": ("x = 1\nx / 0\n", "p.py, line 2 fails: ZeroDivisionError: division by zero"),
    "is no Python": ("def\n", "p.py, line 1 fails: SyntaxError: invalid syntax"),
    "ends the process": ("import sys\nsys.exit(0)\n", "p.py, line 2 fails: SystemExit: 0"),
    "lacks a package": ("import no_such_thing\n", "ModuleNotFoundError: No module named"),
    "shadows an upsampler": (UPSAMPLER.replace('"mine"', '"transposed"'), "is already registered"),
    "shadows a variant": (
        UPSAMPLER.replace('Variant("mine"', 'Variant("bicubic"'),
        "'bicubic' is there already",
    ),
    "shadows a metric": (METRIC.replace("mae_y", "psnr_y"), "'psnr_y' is there already"),
    "shadows a column": (METRIC.replace("mae_y", "image"), "'image' is there already"),
    "names no upsampler": (UPSAMPLER.replace('"transposed")', '"none")'), "unknown upsampler"),
}


@pytest.mark.parametrize(("content", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_plugin_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "p.py").write_text(content)
    done = harness(tmp_path, "list", "--plugin", "p.py")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["none.py", "p.txt", "."])
def test_a_plugin_that_is_no_python_file_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "p.txt").write_text("x = 1\n")
    done = harness(tmp_path, "list", "--plugin", name)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)


CHANGES = """
import sys
from pathlib import Path
from harness.errors import HarnessError
from harness.system import plugins

path = Path("p.py")
path.write_text("x = 1\\n")
plugins.use_plugins([path])
inputs = plugins.as_inputs()
plugins.use_inputs(inputs)
path.write_text("x = 2\\n")
for use in (lambda: plugins.use_inputs(inputs), lambda: plugins.use_plugins([path])):
    try:
        use()
    except HarnessError as error:
        print(error)
"""


def test_a_plugin_that_is_changed_in_mid_run_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHANGES], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    path = tmp_path / "p.py"
    assert done.stdout.splitlines() == [
        f"plug-in {path} was changed while the run was going on; run it again",
        f"plug-in {path} was changed while it was in use; start anew",
    ]


def test_an_installed_package_registers_by_its_entry_point(tmp_path: Path) -> None:
    (tmp_path / "their_metric.py").write_text(METRIC)
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness.metrics]\nmae = their_metric\n")
    code = (
        "from harness.system.plugins import use_plugins\n"
        "from harness.metrics.registry import METRICS, beyond_first\n"
        "from harness.metrics.protocol import PROTOCOLS\n"
        "use_plugins([])\n"
        "print(METRICS['mae_y'].label, *beyond_first(PROTOCOLS['matlab_y']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "MAE metrics metric_plugins"
    (tmp_path / "their_metric.py").write_text("raise ValueError('too bad')")
    done = harness(tmp_path, "list")
    assert done.returncode == 2
    assert "'mae' of theirs (entry point of harness.metrics) fails: ValueError" in done.stderr
