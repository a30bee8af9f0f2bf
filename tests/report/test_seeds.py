"""Which weights belong together, how far their means lie apart, and what that explains."""

import math
from pathlib import Path

import numpy as np
import pytest

from harness.comparison import compare_runs
from harness.jobs.base import Record
from harness.metrics.registry import PSNR
from harness.report.analysis import analyse
from harness.report.collect import collect
from harness.report.data import ReportData
from harness.report.recipe import recipe_and_seed
from harness.report.render import render_report
from harness.report.sections.compression.findings import findings
from harness.report.sections.compression.seed_groups import Noise, seed_groups, seed_noise
from harness.report.sections.compression.seeds import seeds_table
from harness.report.sections.compression.sharing import sharing_table
from harness.report.sections.compression.warnings import seed_warnings
from harness.report.table import Cell, Table
from tests.report import synthetic

BASE = np.random.default_rng(0).normal(30, 2, 14)
VARIANTS = ("ms-lapsrn", "cms-lapsrn-conv1", "cms-lapsrn-conv3")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("fast_seed3", ("fast", "3")),
        ("fast-seed-12", ("fast", "12")),
        ("Seed0", ("", "0")),
        ("shipped", None),
        ("seedling", None),
    ],
)
def test_a_label_may_tell_recipe_and_seed(label: str, expected: tuple[str, str] | None) -> None:
    assert recipe_and_seed(label) == expected


def quality(
    name: str, by: float, label: str | None = None, dataset: str = "Set14", steps: int = 9000
) -> Record:
    """A network that is better than the others by so many dB, give or take a little per image."""
    jitter = 0.002 * np.random.default_rng(synthetic.hash_of(f"{name}{label}")).standard_normal(14)
    values = (BASE + by + jitter - jitter.mean()).tolist()
    seed = int(label.removeprefix("short_seed")) if label else 9
    training = {**synthetic.TRAINED, "seed": seed, "steps": steps}
    return synthetic.quality(name, 4, dataset, values, weights_label=label, training=training)


def run_of(
    shipped: dict[str, float], seeds: dict[str, list[float]], dataset: str = "Set14"
) -> list[Record]:
    """Shipped networks and trainings by seed, by variant: by how much each is better."""
    records = [quality(name, by, dataset=dataset) for name, by in shipped.items()]
    return records + [
        quality(name, by, f"short_seed{seed}", dataset)
        for name, several in seeds.items()
        for seed, by in enumerate(several)
    ]


def read(folder: Path, records: list[Record]) -> ReportData:
    return collect(synthetic.write_run(folder, records))


def sharing(data: ReportData, baseline: str = "ms-lapsrn") -> Table:
    return sharing_table(data, analyse(data, baseline))


def row(table: Table, title: str) -> Cell:
    """The only figure of a row."""
    (found,) = [row.cells[1] for row in table.rows if row.cells[0].text == title]
    return found


SHIPPED = {"ms-lapsrn": 0.0, "cms-lapsrn-conv1": -0.2, "cms-lapsrn-conv3": -0.01}
SEEDS = {
    "ms-lapsrn": [0.0, 0.02, 0.04],
    "cms-lapsrn-conv1": [-0.21, -0.19, -0.2],
    "cms-lapsrn-conv3": [0.01, -0.01],
}


def pooled() -> float:
    squares = [np.var(several, ddof=1) * (len(several) - 1) for several in SEEDS.values()]
    return math.sqrt(sum(squares) / 5)


def test_noise_is_pooled_over_the_variants(tmp_path: Path) -> None:
    data = read(tmp_path, run_of(SHIPPED, SEEDS))
    noise = seed_noise(data, PSNR, [(4, "Set14")], seed_groups(data))
    assert noise is not None
    assert noise.deviation == pytest.approx(pooled())
    assert (noise.variants, noise.networks, noise.places) == (3, 8, 1)
    # A mean over other places has a noise of its own, which nobody measured.
    for places in ([(2, "Set14")], [(4, "Set14"), (4, "elsewhere")], []):
        assert seed_noise(data, PSNR, places, seed_groups(data)) is None


def test_noise_of_a_mean_over_places_is_that_of_each_seeds_mean(tmp_path: Path) -> None:
    # What one seed gains on one set it loses on the other: on average nothing moves.
    data = read(
        tmp_path,
        [
            *run_of({}, {"ms-lapsrn": [0.0, 0.1]}),
            *run_of({}, {"ms-lapsrn": [0.1, 0.0]}, "own"),
        ],
    )
    noise = seed_noise(data, PSNR, [(4, "Set14"), (4, "own")], seed_groups(data))
    assert noise is not None
    assert noise.deviation == pytest.approx(0, abs=1e-9)
    assert noise.places == 2


def test_one_training_each_tells_no_noise(tmp_path: Path) -> None:
    data = read(tmp_path, run_of(SHIPPED, {name: [0.0] for name in VARIANTS}))
    assert seed_noise(data, PSNR, [(4, "Set14")], seed_groups(data)) is None
    table = sharing(data)
    assert "Seed noise was not measured for networks trained as shipped" in table.notes[0]
    assert row(table, "CMS-LapSRN (1st Conv)").sub == ""


def test_seeds_of_other_images_are_no_seeds(tmp_path: Path) -> None:
    fewer = synthetic.quality("ms-lapsrn", 4, "Set14", [40.0], weights_label="short_seed1")
    data = read(tmp_path, [*run_of(SHIPPED, {"ms-lapsrn": [0.0]}), fewer])
    assert seed_noise(data, PSNR, [(4, "Set14")], seed_groups(data)) is None


def test_a_difference_counts_from_twice_its_noise() -> None:
    noise = Noise(0.1, 3, 9, 1)
    assert noise.of_difference() == pytest.approx(0.1 * math.sqrt(2))
    assert noise.explains(-0.28)
    assert not noise.explains(-0.29)
    # Means over four seeds are known twice as well.
    assert noise.explains(0.14, seeds=4)
    assert not noise.explains(0.15, seeds=4)


def test_sharing_is_compared_with_the_baseline_trained_alike(tmp_path: Path) -> None:
    table = sharing(read(tmp_path, run_of(SHIPPED, SEEDS)))
    titles = [row.cells[0].text for row in table.rows]
    assert titles == [
        "CMS-LapSRN (1st Conv)",
        "CMS-LapSRN (3rd Conv)",
        "CMS-LapSRN (1st Conv) [short, 3 seeds]",
        "CMS-LapSRN (3rd Conv) [short, 2 seeds]",
        "Seed noise of one mean [shipped]",
        "Seed noise of one mean [short]",
    ]
    alone, short = row(table, titles[0]), row(table, titles[2])
    assert alone.value == pytest.approx(-0.2)
    assert short.value == pytest.approx(-0.22)
    assert alone.sub == f"\u00b1{math.sqrt(2) * pooled():.3f}"
    assert short.sub == f"\u00b1{math.sqrt(2 / 3) * pooled():.3f}"
    assert "worse" in alone.marks
    # Only the seeds that both have: 0 and 1, whose differences are 0.01 and -0.03.
    assert row(table, titles[3]).value == pytest.approx(-0.01)
    assert row(table, titles[4]).also["seed_noise_db"] == pytest.approx(pooled())


def test_what_seeds_explain_is_marked_and_the_question_answered(tmp_path: Path) -> None:
    table = sharing(read(tmp_path, run_of(SHIPPED, SEEDS)))
    within = row(table, "CMS-LapSRN (3rd Conv)")
    assert within.sub.endswith("within noise")
    assert within.marks == ("quiet", "best")
    assert "\u25bc" in within.text, "seeds do not unsay what the images show of these networks"
    assert "Trained as shipped: 2 differences to the baseline, 1 within" in table.notes[1]
    assert "in the one pair of scale and dataset: CMS-LapSRN (3rd Conv) in 1" in table.notes[2]


def test_no_lead_within_the_noise_is_marked(tmp_path: Path) -> None:
    close = {**SHIPPED, "cms-lapsrn-conv1": -0.02}
    seeds = {name: [0.0, 0.03, 0.06] for name in VARIANTS}
    table = sharing(read(tmp_path, run_of(close, seeds)))
    assert not any("best" in cell.marks for row in table.rows for cell in row.cells)
    assert "no shared convolution is better" in table.notes[2]


def test_seeds_stay_out_of_the_main_tables_and_plots(tmp_path: Path) -> None:
    records = run_of(SHIPPED, SEEDS)
    records += [synthetic.cost(name, 4, 1000 + i, 1e9) for i, name in enumerate(VARIANTS)]
    records.append(
        synthetic.quality("ms-lapsrn", 4, "Set5", [31.0] * 5, weights_label="short_seed0")
    )
    run = synthetic.write_run(tmp_path / "run", records)
    render_report(run, tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text("utf-8")
    before, _, rest = text.partition("## Seeds: what another training changes")
    section, _, after = rest.partition("\n## ")
    assert "short, 3 seeds" in section
    assert "0: 31.000" in section
    after, _, trainings = after.partition("<summary>How each network was trained</summary>")
    assert "seed0" not in before + after
    assert "seed0" in trainings
    for plot in (tmp_path / "report" / "plots").glob("*.svg"):
        assert "seed" not in plot.read_text("utf-8"), plot.name
    for name in ("paper", "statistics", "overview"):
        assert "seed" not in (tmp_path / "report" / "tables" / f"{name}.csv").read_text("utf-8")
    seeds = (tmp_path / "report" / "tables" / "seeds.csv").read_text("utf-8")
    assert seeds.count("Set14") == 3


def test_pictures_of_seeds_stay_out_too(tmp_path: Path) -> None:
    run = tmp_path / "run"
    crops = synthetic.pictures(run, "ms-lapsrn", 4, "Set14", ["a"])
    weights = {"label": "short_seed0", "sha256": "0" * 64}
    crops = synthetic.changed(crops, {"weights": weights})
    synthetic.write_run(run, [*run_of(SHIPPED, SEEDS), crops])
    data = collect(run)
    assert not data.pictures.groups


def test_a_run_of_seeds_alone_is_shown_whole(tmp_path: Path) -> None:
    data = read(tmp_path, run_of({"bicubic": -2.0}, SEEDS))
    assert [e.title for e in data.rows][1] == "MS-LapSRN [short_seed0]"
    assert row(sharing(data), "CMS-LapSRN (1st Conv) [short, 3 seeds]").value == pytest.approx(
        -0.22
    )


def test_every_seed_stands_in_the_table_of_seeds(tmp_path: Path) -> None:
    table = seeds_table(read(tmp_path, run_of(SHIPPED, SEEDS)))
    (found,) = [row for row in table.rows if row.cells[0].text == "CMS-LapSRN (1st Conv)"]
    cells = {c.key: cell for c, cell in zip(table.columns, found.cells, strict=True)}
    assert cells["psnr_y_db_deviation"].value == pytest.approx(0.01)
    assert cells["psnr_y_db"].value == pytest.approx(BASE.mean() - 0.2)
    assert cells["seeds"].sub.count(":") == 3


def told(data: ReportData) -> str:
    analysis = analyse(data, "ms-lapsrn")
    found = [f"{f.headline} {f.detail}" for f in findings(data, analysis)]
    return "\n".join([*found, *seed_warnings(data, analysis)])


def test_findings_claim_nothing_that_seeds_explain(tmp_path: Path) -> None:
    costs = [synthetic.cost(n, 4, 1000 - 100 * ("conv" in n), 1e9) for n in VARIANTS]
    close = {"ms-lapsrn": 0.0, "cms-lapsrn-conv1": -0.02, "cms-lapsrn-conv3": -0.01}
    loud = {name: [0.0, 0.03, 0.06] for name in VARIANTS}
    within = told(read(tmp_path / "loud", [*run_of(close, loud), *costs]))
    assert "is shown best of 2 shared upsamplers, by no more than another seed moves it." in within
    assert (
        "10.0 % fewer parameters; PSNR is shown worse in the one pair of scale and dataset, no "
        "more than another seed moves it." in within
    )
    assert "\u00b10.042 dB (9 trainings, 1 pair of scale and dataset)" in within
    assert "Seed noise was measured by 9 trainings (short)" in within
    assert "one training" not in within
    quiet = {name: [0.0, 0.0001] for name in VARIANTS}
    beyond = told(read(tmp_path / "quiet", [*run_of(close, quiet), *costs]))
    assert "CMS-LapSRN (3rd Conv) is shown best of 2 shared upsamplers." in beyond
    assert "PSNR is shown worse in the one pair of scale and dataset." in beyond
    without = told(read(tmp_path / "without", [*run_of(close, {}), *costs]))
    assert "Every network of the tables is one training;" in without
    assert "Seed noise was not measured for this recipe and number of steps." in without


def test_the_noise_of_short_trainings_says_nothing_of_long_ones(tmp_path: Path) -> None:
    shipped = [quality(name, by, steps=60_000) for name, by in SHIPPED.items()]
    data = read(tmp_path, [*shipped, *run_of({}, SEEDS)])
    table = sharing(data)
    assert row(table, "CMS-LapSRN (1st Conv)").sub == ""
    assert row(table, "CMS-LapSRN (1st Conv) [short, 3 seeds]").sub
    text = told(data)
    assert "another seed moves" not in text
    assert "Seed noise was not measured for this recipe and number of steps." in text
    assert "Every network of the tables is one training;" in text


def test_some_shared_convolutions_may_share_the_lead(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    records = [quality("ms-lapsrn", 0.0), quality("cms-lapsrn-conv1", -0.2)]
    for name in ("cms-lapsrn-conv3", "cms-lapsrn-conv5"):
        values = (BASE + rng.normal(0.1, 0.02, 14)).tolist()
        records.append(synthetic.quality(name, 4, "Set14", values, training=synthetic.TRAINED))
    text = told(read(tmp_path, records))
    assert "lead 3 shared upsamplers and are not told apart." in text


def test_comparing_runs_still_compares_seeds(tmp_path: Path) -> None:
    records = run_of(SHIPPED, SEEDS)
    a, b = (synthetic.write_run(tmp_path / name, records) for name in "ab")
    found = compare_runs(a, b).changes
    assert sum(change.figure == "psnr_y" for change in found) == len(records)


def zoo(name: str, by: float, seed: int | None = None, steps: int = 1500) -> Record:
    """A network with weights ``zoo``, or one more seed of it."""
    label = "zoo" if seed is None else f"zoo-seed{seed}"
    training = {**synthetic.TRAINED, "seed": seed or 0, "steps": steps}
    values = (BASE + by).tolist()
    return synthetic.quality(name, 4, "Set14", values, weights_label=label, training=training)


def test_a_network_of_the_tables_is_a_seed_of_trainings_like_its_own(tmp_path: Path) -> None:
    """One more seed of a variant is enough, where what is shown is another seed of the same."""
    records = [zoo("ms-lapsrn", 0.0), zoo("cms-lapsrn-conv3", -0.01)]
    records += [zoo("ms-lapsrn", 0.02, 1), zoo("cms-lapsrn-conv3", 0.03, 1)]
    data = read(tmp_path, records)
    groups = {group.variant: group for group in seed_groups(data)}
    assert {name: sorted(group.members) for name, group in groups.items()} == {
        "ms-lapsrn": ["0", "1"],
        "cms-lapsrn-conv3": ["0", "1"],
    }
    noise = seed_noise(data, PSNR, [(4, "Set14")], groups.values())
    assert noise is not None
    pooled = math.sqrt((0.02**2 / 2 + 0.04**2 / 2) / 2)
    assert noise.deviation == pytest.approx(pooled, rel=1e-6)
    (warning,) = seed_warnings(data, analyse(data, "ms-lapsrn"))
    assert warning == (
        "Seed noise was measured by 4 trainings (zoo); the 2 that are not in the tables stand "
        "under Seeds and in the list of trainings, and in no other table or plot."
    )


def test_a_network_of_another_budget_is_no_seed_of_it(tmp_path: Path) -> None:
    records = [zoo("ms-lapsrn", 0.0), zoo("ms-lapsrn", 0.02, 1, steps=600)]
    (group,) = seed_groups(read(tmp_path, records))
    assert list(group.members) == ["1"]
