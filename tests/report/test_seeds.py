"""Which weights belong together, and how far their means lie apart."""

from pathlib import Path

import numpy as np
import pytest

from harness.report.collect import collect
from harness.report.families import family
from harness.report.render import render_report
from harness.report.seeds import seed_spreads
from tests.report import synthetic


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"label": "fast_seed3"}, ("fast", "3")),
        ({"label": "fast-seed-12"}, ("fast", "12")),
        ({"label": "Seed0"}, ("", "0")),
        ({"label": "shipped"}, None),
        ({"label": "seedling"}, None),
        ({"label": "mine", "recipe": "fast", "seed": 4}, ("fast", "4")),
    ],
)
def test_families(weights: dict[str, object], expected: tuple[str, str] | None) -> None:
    assert family(weights) == expected


def test_spread_over_seeds_stands_in_the_table(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(30, 2, 12)
    means = [0.0, 0.03, 0.06]
    records = [
        synthetic.quality("ms-lapsrn", 4, "Set14", values + m, weights_label=f"fast_seed{i}")
        for i, m in enumerate(means)
    ]
    records.append(synthetic.quality("lapsrn", 4, "Set14", values, weights_label="other_seed0"))
    run = synthetic.write_run(tmp_path / "run", records)
    spreads = seed_spreads(collect(run))
    found = {e.title: s for (e, _, _, metric), s in spreads.items() if metric == "psnr_y"}
    assert set(found) == {f"MS-LapSRN [fast_seed{i}]" for i in range(3)}
    spread = found["MS-LapSRN [fast_seed1]"]
    assert spread.n == 3
    assert spread.deviation == pytest.approx(np.std(means, ddof=1))
    render_report(run, tmp_path / "report")
    assert "\u00b10.030 (3 seeds)" in (tmp_path / "report" / "report.md").read_text("utf-8")
