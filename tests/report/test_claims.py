"""Findings on constructed runs whose truth is known: none of them says what is not so."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from harness.jobs.base import Record
from harness.report.analysis import analyse
from harness.report.collect import collect
from harness.report.data import ReportData
from harness.report.document import find_sections
from harness.report.sections.latency.fastest import fastest
from harness.report.sections.training.trainings import training_warnings
from harness.report.summary import summary
from harness.statistics import bootstrap
from tests.report import synthetic

BASE, CONVS = "ms-lapsrn", ("cms-lapsrn-conv1", "cms-lapsrn-conv3", "cms-lapsrn-conv5")
NAMED = ("quality", "compression", "cost", "training", "method")


@dataclass(frozen=True)
class Case:
    """A run and its truth.

    Attributes:
        effects: the true difference in PSNR to the baseline, by variant, in dB.
        alike: whether all were trained alike.
        n_images: of each dataset.
        sizes: parameters by variant.
    """

    kind: str
    records: list[Record]
    effects: Mapping[str, float]
    alike: bool
    n_images: int
    sizes: Mapping[str, int]


KINDS = ("ties", "noise", "one image", "one variant", "effects", "mixed recipes", "no recipe")


def make(seed: int) -> Case:
    """A random case; the kinds take turns."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    names = CONVS[:1] if kind == "one variant" else CONVS[: int(rng.integers(2, 4))]
    n = 1 if kind == "one image" else int(rng.choice([5, 10, 14, 40]))
    scales = (2, 4, 8)[: int(rng.integers(1, 4))]
    datasets = ("Set14", "mine")[: int(rng.integers(1, 3))]
    none = kind in ("ties", "noise", "one image")
    effects = {name: 0.0 if none else float(rng.choice([-0.3, 0.0, 0.3])) for name in names}
    spread = 2e-7 if kind == "ties" else 0.05
    sizes = {BASE: 222_801, **dict.fromkeys(names, 185_937)}
    records = []
    for scale in scales:
        for dataset in datasets:
            images = [f"{dataset}{i}" for i in range(n)]
            base = rng.normal(30, 3, n)
            for name in (BASE, *names):
                steps = 20 if kind == "mixed recipes" and name != BASE else 9000
                training = None if kind == "no recipe" else {**synthetic.TRAINED, "steps": steps}
                # Rounding may be of one sign for all images: a tie in the printed digits.
                drift = 1.5e-7 if kind == "ties" else 0.0
                own = rng.normal(drift, spread, n) if name != BASE else np.zeros(n)
                values = base + effects.get(name, 0.0) + own
                records.append(
                    synthetic.quality(
                        name, scale, dataset, values.tolist(), images=images, training=training
                    )
                )
        records += [synthetic.cost(name, scale, size, 1e9) for name, size in sizes.items()]
    return Case(kind, records, effects, kind != "mixed recipes", n, sizes)


def sentences(data: ReportData) -> tuple[list[str], list[str]]:
    """Headlines of all findings, and every word of findings, warnings, figures and first lines."""
    analysis = analyse(data, BASE)
    parts = [s.build(data, analysis) for s in find_sections() if s.name in NAMED]
    found = [finding for part in parts for finding in part.findings if finding]
    words = [f"{f.headline} {f.detail}" for f in found] + [summary(data, analysis)]
    words += [f"{f.name} {f.value} {f.detail}" for part in parts for f in part.figures]
    return [f.headline for f in found], words + [w for part in parts for w in part.warnings]


def falsehoods(case: Case, headlines: list[str], words: list[str]) -> list[str]:  # noqa: C901
    """What is not so."""
    wrong = [w for w in words if re.search(r"\b1 (pairs|networks|images|steps|jobs|cells)\b", w)]
    wrong += [w for w in words if re.search(r"any of 1|none of 1 |0 of 1 \w+s", w)]
    told = "\n".join(words)
    if not case.alike and "Not trained as MS-LapSRN was" not in told:
        wrong.append("a mixed recipe goes unnamed")
    known_alike = case.alike and case.kind != "no recipe"
    if ("were trained alike by recipe" in told) != known_alike:
        wrong.append("how they were trained is told wrongly")
    if case.kind == "no recipe" and "is not told" not in told:
        wrong.append("a training that is not told goes unnamed")
    effects = {synthetic.LABELS[name]: effect for name, effect in case.effects.items()}
    values = effects.values()
    for text in headlines:
        claim = re.search(r"shown (?:better|worse)|cost PSNR|shown best|lead \d", text)
        ranks = claim or "PSNR within" in text or "difference" in text
        if ranks and not case.alike:
            wrong.append(f"ranked although trained otherwise: {text}")
        if claim and case.n_images < 10:
            wrong.append(f"a claim from {case.n_images} images: {text}")
        if "cost PSNR" in text and min(values) >= 0:
            wrong.append(f"nothing costs: {text}")
        if re.search(r"better in [1-9]|shown better in the", text) and max(values) <= 0:
            wrong.append(f"nothing is better: {text}")
        if re.search(r"worse in [1-9]|shown worse in the", text) and min(values) >= 0:
            wrong.append(f"nothing is worse: {text}")
        if "no difference" in text and all(abs(effect) == 0.3 for effect in values):
            wrong.append(f"a difference goes unseen: {text}") if case.n_images >= 40 else None
        if "PSNR within" in text and max(values) == 0.3:
            wrong.append(f"no equivalence: {text}")
        if best := re.match(r"(.*\)) is shown best", text):
            others = [e for label, e in effects.items() if label != best[1]]
            base = [0.0] if "in PSNR" in text else []
            if best[1] in effects and effects[best[1]] <= max([*others, *base]):
                wrong.append(f"not the best: {text}")
        if "smallest network" in text:
            least = min(case.sizes.values())
            equals = [n for n, size in case.sizes.items() if size == least]
            if ("is the smallest" in text) != (len(equals) == 1):
                wrong.append(f"not the only one: {text}")
    return wrong


@pytest.mark.parametrize(
    "seeds", [range(28), pytest.param(range(28, 200), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_no_sentence_of_random_reports_is_false(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds: range
) -> None:
    # Intervals from fewer resamples are as valid, and ten times as quick.
    monkeypatch.setattr(
        bootstrap, "resampling_counts", partial(bootstrap.resampling_counts, resamples=999)
    )
    wrong: dict[int, list[str]] = {}
    spoke = 0
    for seed in seeds:
        case = make(seed)
        data = collect(synthetic.write_run(tmp_path / str(seed), case.records))
        headlines, words = sentences(data)
        spoke += any("shown" in text for text in headlines)
        if found := falsehoods(case, headlines, words):
            wrong[seed] = [case.kind, *found]
    assert wrong == {}
    assert spoke > len(seeds) // 4, "silence is no merit"


@pytest.mark.parametrize("effect", [-0.3, 0.3])
def test_a_real_effect_is_told(tmp_path: Path, effect: float) -> None:
    rng = np.random.default_rng(7)
    base = rng.normal(30, 3, 40)
    records = [
        synthetic.quality(BASE, 4, "mine", base.tolist(), training=synthetic.TRAINED),
        synthetic.quality(
            CONVS[0],
            4,
            "mine",
            (base + effect + rng.normal(0, 0.05, 40)).tolist(),
            training=synthetic.TRAINED,
        ),
        synthetic.cost(BASE, 4, 222_801, 1e9),
        synthetic.cost(CONVS[0], 4, 185_937, 1e9),
    ]
    headlines, _ = sentences(collect(synthetic.write_run(tmp_path, records)))
    word = "better" if effect > 0 else "worse"
    assert any(f"PSNR is shown {word} in the one pair" in text for text in headlines)


def test_one_image_makes_no_headline_of_a_mean(tmp_path: Path) -> None:
    records = [
        synthetic.quality(BASE, 4, "mine", [15.0]),
        synthetic.quality(CONVS[0], 4, "mine", [30.3]),
        synthetic.cost(BASE, 4, 222_801, 1e9),
        synthetic.cost(CONVS[0], 4, 185_937, 1e9),
    ]
    headlines, _ = sentences(collect(synthetic.write_run(tmp_path, records)))
    assert not any("15." in text for text in headlines)


def timed(data: ReportData, speeds: Mapping[str, float], seed: int) -> ReportData:
    """Thirty rounds of networks with these true times in ms, of which each sample is 3 % off."""
    rng = np.random.default_rng(seed)
    drift = np.exp(rng.normal(0, 0.1, 30))
    cells = []
    for cell in data.latency:
        samples = speeds[cell.row.variant] * drift * np.exp(rng.normal(0, 0.03, 30))
        found = {"samples_ms": samples.tolist(), "rounds": [*range(30)]}
        found["median_ms"] = float(np.median(samples))
        cells.append(synthetic.latency_cell(cell.record, result=found))
    return replace(data, latency=cells)


def test_no_network_is_called_the_fastest_by_chance(tmp_path: Path) -> None:
    names = (BASE, *CONVS, "lapsrn")
    records = [synthetic.latency(name, 4, 20.0) for name in names]
    data = collect(synthetic.write_run(tmp_path, records))
    equal = dict.fromkeys(names, 20.0)
    claims = [fastest(timed(data, equal, seed)) for seed in range(200)]
    # Each comparison on its own would be wrong in one of twenty, and there are ten pairs.
    assert sum(claim is not None for claim in claims) <= 2
    finding = fastest(timed(data, {**equal, CONVS[1]: 18.0}, 0))
    assert finding is not None
    assert finding.headline.startswith(f"{synthetic.LABELS[CONVS[1]]} is the fastest network")


def test_a_run_from_uncommitted_code_is_named(tmp_path: Path) -> None:
    for commit, named in (("a" * 40 + "-dirty", True), ("a" * 40, False)):
        records = [synthetic.quality(BASE, 4, "mine", [30.0] * 12)]
        folder = synthetic.write_run(tmp_path / commit[-5:], records, {"git_commit": commit})
        _, words = sentences(collect(folder))
        assert any("uncommitted changes" in text for text in words) == named


def test_a_network_that_computes_in_several_ways_is_warned_of_once(tmp_path: Path) -> None:
    base = np.random.default_rng(0).normal(30, 1, 12)
    shorter = {**synthetic.TRAINED, "steps": 1}
    records = [synthetic.quality(BASE, 4, "mine", base.tolist(), training=synthetic.TRAINED)]
    records += [
        synthetic.quality("lapsrn", 4, "mine", base.tolist(), training=shorter, backend=backend)
        for backend in ("eager", "compile")
    ]
    data = collect(synthetic.write_run(tmp_path, records))
    (warning,) = training_warnings(data, analyse(data, BASE))
    assert warning.count("LapSRN (") == 1
    assert "compile" not in warning
