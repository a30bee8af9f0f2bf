"""``table1.tex``: what it holds, and that LaTeX sets it within one column and within two."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from harness.jobs.base import Record
from harness.report import paper
from harness.report.analysis import analyse
from harness.report.collect import collect
from harness.report.sections.paper import SECTION
from tests.report import synthetic

RNG = np.random.default_rng(4)
DOCUMENT = r"""
\documentclass[%s]{article}
\usepackage{booktabs,graphicx}
\begin{document}
Text.
\begin{%s}[p]\centering\input{table1}\caption{Ours and the paper's.}\end{%s}
\end{document}
"""


def records(gains: dict[str, float], scales: tuple[int, ...] = (4,)) -> list[Record]:
    """Networks that differ from each other by a gain in dB, on all of the paper's datasets."""
    found = []
    for scale in scales:
        for dataset, n in paper.DATASET_IMAGES.items():
            base = RNG.normal(30, 2, n)
            ssim = RNG.uniform(0.8, 0.9, n)
            for variant, gain in gains.items():
                psnr = base + gain + RNG.normal(0, 0.01, n)
                found.append(
                    synthetic.quality(variant, scale, dataset, psnr.tolist(), ssim.tolist())
                )
    return found


def table(tmp_path: Path, found: list[Record]) -> str:
    """Of a run; empty if the section has none."""
    data = collect(synthetic.write_run(tmp_path / "run", found, synthetic.RUN))
    files = SECTION.build(data, analyse(data, "ms-lapsrn")).files
    return str(files.get("table1.tex", ""))


def body(tex: str) -> list[list[str]]:
    """The cells of its rows."""
    rows = [
        line for line in tex.splitlines() if line.endswith(r" \\") and "multicolumn" not in line
    ]
    return [re.split(r"(?<!\\)&", row.removesuffix(r" \\")) for row in rows]


def test_each_network_has_a_line_and_the_papers_below_it(tmp_path: Path) -> None:
    gains = {"bicubic": -3.0, "ms-lapsrn": 0.0, "cms-lapsrn-conv3": 0.2}
    rows = body(table(tmp_path, records(gains)))
    assert [len(row) for row in rows] == [7] * 7
    assert [row[0].strip() for row in rows[1::2]] == [
        "Bicubic",
        "MS-LapSRN",
        "CMS-LapSRN (3rd Conv)",
    ]
    # As Table 1 prints it for 4x on Set5.
    assert "31.51/.884" in rows[6][1]
    assert float(rows[5][-1].replace("$+$", "")) == pytest.approx(0.2, abs=0.01)
    low, high = re.findall(r"\$\+\$([\d.]+)", rows[6][-1])
    assert float(low) < 0.2 < float(high) < 0.25
    # Interpolation competes with nobody, so nothing of it is bold; nor has it a difference.
    assert r"\textbf" not in "".join(rows[1])
    assert rows[1][-1].strip() == ""
    assert all(r"\textbf" in cell for cell in rows[5][1:6])


def test_names_are_escaped_and_datasets_without_figures_left_out(tmp_path: Path) -> None:
    name = r"50% & $x_1$ \\"
    psnr = RNG.normal(30, 1, 5).tolist()
    tex = table(tmp_path, [synthetic.quality("ms-lapsrn", 4, "Set5", psnr, label=name)])
    assert [len(row) for row in body(tex)] == [3] * 3
    assert r"50\% \& \$x\_1\$ \textbackslash{}" in tex
    assert tex.count("{") == tex.count("}")


def test_nothing_measured_is_no_table(tmp_path: Path) -> None:
    assert table(tmp_path, [synthetic.cost("ms-lapsrn", 4, 10, 20)]) == ""


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize(("options", "kind"), [("10pt", "table"), ("10pt,twocolumn", "table*")])
def test_latex_sets_it_on_one_page_within_the_text(tmp_path: Path, options: str, kind: str) -> None:
    gains = {"bicubic": -3.0, "lapsrn": 0.0, "ms-lapsrn": 0.0, "cms-lapsrn-conv1": -0.1}
    gains |= {"cms-lapsrn-conv3": 0.2, "cms-lapsrn-conv5": 0.1}
    tex = table(tmp_path, records(gains, (2, 4, 8)))
    (tmp_path / "table1.tex").write_text(tex)
    (tmp_path / "x.tex").write_text(DOCUMENT % (options, kind, kind))
    found = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "x.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stdout[-2000:]
    for complaint in ("Overfull", "Float too large", "LaTeX Warning: Float"):
        assert complaint not in found.stdout
    assert (tmp_path / "x.pdf").stat().st_size > 10_000
