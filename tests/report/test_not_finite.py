"""Figures that are infinite or no numbers: one rule wherever means, differences and plots are made.

PSNR is infinite where SR and HR are identical. The mean over images is then infinite; two infinite
figures of one image differ by 0; any other difference with one is infinite and bars a verdict.
"""

import json
import math
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.comparison import compare_runs
from harness.jobs.base import Record
from harness.jobs.pictures.plan import choose
from harness.jobs.store import ResultsFolder
from harness.report.render import render_report
from tests.report import synthetic

INF, NAN = math.inf, math.nan
BASE, OTHER = "ms-lapsrn", "cms-lapsrn-conv3"


def run_of(folder: Path, records: list[Record]) -> Path:
    return synthetic.write_run(folder, records, synthetic.RUN)


def rendered(folder: Path, records: list[Record]) -> dict[str, str]:
    """The text of every file of a report, made without a warning of NumPy's."""
    run = run_of(folder / "run", records)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        render_report(run, folder / "report")
    files = (folder / "report").rglob("*.*")
    kinds = (".html", ".md", ".csv", ".tex", ".svg")
    return {f.name: f.read_text("utf-8") for f in files if f.suffix in kinds}


def psnrs(*special: float, n: int = 12) -> list[float]:
    return [*special, *np.linspace(28, 33, n - len(special))]


def test_an_image_that_both_networks_reproduce_is_a_difference_of_zero(tmp_path: Path) -> None:
    ours, base = psnrs(INF), psnrs(INF)
    ours[1:] = [value + 0.1 + 0.001 * i for i, value in enumerate(ours[1:])]
    pair = [synthetic.quality(n, 4, "Set14", p) for n, p in ((BASE, base), (OTHER, ours))]
    texts = rendered(tmp_path, pair)
    for name in ("report.html", "report.md"):
        assert "\u221e" in texts[name]
        assert "1 identical to HR of 12 images" in texts[name]
    table = pd.read_csv(tmp_path / "report" / "tables" / "statistics.csv")
    row = table[(table.metric == "psnr_y") & (table.variant == OTHER)].iloc[0]
    assert row["mean"] == INF
    assert row.verdict == "better"
    assert 0.09 < row.delta < 0.11
    assert (row.wins, row.losses) == (11, 0)
    assert "could not be made" not in texts["report.md"]
    dots = next(text for name, text in texts.items() if name.startswith("differences-"))
    assert "nan" not in dots.lower()


def test_an_image_that_one_network_reproduces_bars_a_verdict(tmp_path: Path) -> None:
    pair = [
        synthetic.quality(n, 4, "Set14", p) for n, p in ((BASE, psnrs(30)), (OTHER, psnrs(INF)))
    ]
    texts = rendered(tmp_path, pair)
    assert "1 of 12 images have no finite difference" in texts["report.md"]
    assert re.search(r"No finite mean: .*3rd.*PSNR \u221e", texts["report.md"].replace("\\", ""))


def test_a_mean_that_is_not_that_of_its_images_is_told(tmp_path: Path) -> None:
    for number, values in enumerate((psnrs(NAN), psnrs(INF), psnrs(-INF))):
        good = synthetic.quality(BASE, 4, "Set14", values)
        record = synthetic.changed(good, result={"psnr_y": 30.0})
        text = rendered(tmp_path / str(number), [record])["report.md"]
        assert "The mean in the record is not that of its images" in text


def test_what_has_no_place_on_an_axis_is_said(tmp_path: Path) -> None:
    conv1 = "cms-lapsrn-conv1"
    columns = {BASE: psnrs(30), OTHER: psnrs(INF), conv1: psnrs(31)}
    records = [synthetic.quality(n, 4, "Set14", p) for n, p in columns.items()]
    # Where all cost the same there is a sentence, and no plot.
    records += [synthetic.cost(n, 4, 222_801 if n == BASE else 185_937, 1e9) for n in columns]
    text = rendered(tmp_path, records)["report.md"]
    title = r"CMS-LapSRN \(3rd Conv\)"
    assert re.search(rf"Not drawn, as the mean is not finite: {title} \(\u221e dB\)", text)
    assert re.search(rf"Not drawn, as a difference is not finite: {title}\.", text)
    assert re.search(rf"Not drawn, as not finite: {title} 4\u00d7\.", text)
    assert re.search(rf"{title} \| 4\u00d7 \| Set14 \| 12 \| \u221e", text)
    assert "is shown best" not in text, "no test compares what is not finite"


def test_a_faster_way_that_is_exact_where_float32_is_loses_nothing_there(tmp_path: Path) -> None:
    base, faster = psnrs(INF), [INF, *(value - 0.01 for value in psnrs(INF)[1:])]
    records = [
        synthetic.quality(BASE, 4, "Set14", base),
        synthetic.quality(BASE, 4, "Set14", faster, dtype="bfloat16"),
        synthetic.latency(BASE, 4, 10.0),
        synthetic.latency(BASE, 4, 5.0, way={"dtype": "bfloat16"}),
    ]
    rendered(tmp_path, records)
    table = pd.read_csv(tmp_path / "report" / "tables" / "latency.csv")
    losses = pd.to_numeric(table["psnr_loss_db"], errors="coerce").dropna()
    assert list(losses) == pytest.approx([-0.01 * 11 / 12])


def test_a_mean_over_seeds_is_of_all_of_them(tmp_path: Path) -> None:
    records = [
        synthetic.quality(OTHER, 4, "Set14", values, weights_label=f"short_seed{seed}")
        for seed, values in enumerate((psnrs(30), psnrs(INF), psnrs(31)))
    ]
    rendered(tmp_path, records)
    table = pd.read_csv(tmp_path / "report" / "tables" / "seeds.csv")
    assert list(table["psnr_y_db"]) == [INF]


SPECIAL = st.sampled_from([30.0, 31.5, INF, -INF, NAN, 0.0])
COLUMN = st.lists(SPECIAL, min_size=11, max_size=11)


@settings(
    max_examples=5,
    phases=[Phase.generate],  # Each example renders a report: shrinking would take minutes.
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(COLUMN, COLUMN), min_size=3, max_size=3), SPECIAL, st.booleans())
def test_any_pattern_renders_compares_and_collates(
    tmp_path_factory: pytest.TempPathFactory,
    columns: list[tuple[list[float], list[float]]],
    figure: float,
    seeds: bool,
) -> None:
    folder = tmp_path_factory.mktemp("run")
    records = []
    names = (BASE, OTHER, "cms-lapsrn-conv1")
    with np.errstate(all="ignore"):
        for name, (first, second) in zip(names, columns, strict=True):
            labels = ("short_seed0", "short_seed1") if seeds else (None,)
            for label, values in zip(labels, (first, second), strict=False):
                for dataset in ("Set14", "Set5"):
                    ssim = [1.0, *second[1:]]
                    records.append(
                        synthetic.quality(name, 2, dataset, values, ssim, weights_label=label)
                    )
            cost = synthetic.cost(name, 2, 185_937, 1e9)
            odd = {"macs": figure, "flops": figure, "peak_memory_bytes": figure}
            records.append(synthetic.changed(cost, result=odd))
            # No latency is negative or 0; what a damaged record holds is tried all the same.
            records.append(
                synthetic.latency(name, 2, 10.0, more={"median_ms": figure, "gflops": figure})
            )
    rendered(folder, records)
    other = run_of(folder / "other", records[::-1])
    compare_runs(folder / "run", other, gates=["psnr_y<-0.02", "macs>5%", "median_ms>1%"])
    results = ResultsFolder(folder / "run")
    results.collate(results.read().values())
    table = pd.read_csv(folder / "run" / "images.csv")
    assert len(table) == 11 * len([r for r in records if r.kind == "quality"])
    assert json.loads((folder / "run" / "jobs" / f"{records[0].id}.json").read_text("utf-8"))


def test_pictures_are_of_the_images_that_differ_whatever_is_infinite() -> None:
    images = [f"{i}.png" for i in range(5)]
    first = synthetic.quality(BASE, 4, "x", [30, INF, INF, 31, NAN], images=images)
    second = synthetic.quality(OTHER, 4, "x", [30, INF, 33, 31.5, 30], images=images)
    for pair in ([first, second], [second, first]):
        assert [shown["image"] for shown in choose(pair)] == ["0.png", "2.png", "3.png"]
