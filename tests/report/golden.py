"""The committed golden reports. ``python -m tests.report.golden`` writes them anew."""

import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from harness.jobs.base import Record
from harness.report import curves
from harness.report.render import render_report
from tests.report import synthetic

FOLDER = Path(__file__).parent / "golden"
FILES = ("report.md", "report.html", "table1.tex", "tables/statistics.csv", "tables/overview.csv")


def records() -> list[Record]:
    """A small run with something of everything: a failure, an infinity, missing weights."""
    names = ("bicubic", "ms-lapsrn", "cms-lapsrn-conv3")
    found = synthetic.full_run(names, [2, 4], {"Set5": 5, "Set14": 14})
    values = [30.0 + 0.1 * i for i in range(14)]
    found.append(
        synthetic.quality("lapsrn", 4, "Set14", [], status="no_weights", reason="no weights yet")
    )
    found.append(
        synthetic.quality("lapsrn", 2, "Set14", [], status="failed", reason="<out of memory>")
    )
    found.append(
        synthetic.quality(
            "ms-lapsrn", 4, "Set14", [float("inf"), *values[1:]], weights_label="<i>$x|y</i>"
        )
    )
    fast: dict[str, Any] = {"dtype": "bfloat16", "backend": "compile"}
    found.append(synthetic.latency("ms-lapsrn", 4, 6.0, way=fast))
    (plain,) = [
        [image["psnr_y"] for image in r.as_dict()["result"]["images"]]
        for r in found
        if r.id.startswith("quality-ms_lapsrn-4x-Set14") and r.spec.weights.label == "shipped"
    ]
    found.append(synthetic.quality("ms-lapsrn", 4, "Set14", [v - 0.004 for v in plain], **fast))
    for name, lead in (("ms-lapsrn", 0.0), ("cms-lapsrn-conv3", 0.01)):
        for seed in range(2):
            moved = [v - 0.5 + lead + 0.03 * seed for v in plain]
            found.append(
                synthetic.quality(name, 4, "Set14", moved, weights_label=f"short_seed{seed}")
            )
    return found


def portable(name: str, text: str) -> str:
    """Without what depends on versions of matplotlib and scipy, and without our own assets."""
    if name.endswith(".html"):
        text = re.sub(r"<svg.*?</svg>", "<svg/>", text, flags=re.DOTALL)
        text = re.sub(r"<style>.*?</style>", "<style/>", text, flags=re.DOTALL)
        text = re.sub(r"<script>.*?</script>", "<script/>", text, flags=re.DOTALL)
        # The tables again, with digits that depend on the version of scipy.
        text = re.sub(r"data:text/csv;[^\"]*", "data:text/csv", text)
        text = re.sub(r'data-v="(-?\d+\.\d+)"', lambda v: f'data-v="{float(v[1]):.9g}"', text)
    return text


def render(folder: Path) -> dict[str, str]:
    """The golden files' texts, rendered now."""
    run = synthetic.write_run(folder / "run", records(), synthetic.RUN)
    # The weights that ship change more often than the report.
    with patch.object(curves, "manifest", return_value=()):
        render_report(run, folder / "report")
    return {name: portable(name, (folder / "report" / name).read_text("utf-8")) for name in FILES}


def main() -> None:
    """Write the golden files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in render(Path(folder)).items():
            path = FOLDER / Path(name).name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
            sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
