"""The notebook's cells run, one after the other, in a folder of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = sorted(DOCS.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    assert notebook["nbformat"] == 4
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 2
    # Outputs age: a reader makes them.
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    script = "\n\n".join("".join(cell["source"]) for cell in cells)
    assert "assert " in script
    run = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr[-3000:]


def test_there_is_one() -> None:
    assert NOTEBOOKS
