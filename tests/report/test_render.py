"""Whole reports: golden texts, hostile names, odd records, and what is never done."""

import dataclasses
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import ResultsError
from harness.jobs.base import Record
from harness.report.analysis import analyse
from harness.report.collect import collect
from harness.report.render import render_report
from harness.report.sections.quality.results import not_trained
from tests.report import golden, synthetic


def rendered(tmp_path: Path, records: list[Record], **more: object) -> tuple[str, str]:
    """(HTML, Markdown) of a run with these records."""
    run = synthetic.write_run(tmp_path / "run", records, more.pop("run", synthetic.RUN))  # type: ignore[arg-type]
    render_report(run, tmp_path / "report", **more)  # type: ignore[arg-type]
    folder = tmp_path / "report"
    return (folder / "report.html").read_text("utf-8"), (folder / "report.md").read_text("utf-8")


def values(n: int = 14, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).normal(30, 3, n).tolist()


class Page(HTMLParser):
    """Tags, attributes and the text that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def golden_now(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return golden.render(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", golden.FILES)
def test_golden(name: str, golden_now: dict[str, str]) -> None:
    expected = (golden.FOLDER / Path(name).name).read_text("utf-8")
    assert golden_now[name] == expected, "python -m tests.report.golden writes them anew"


def test_reports_repeat_to_the_byte(tmp_path: Path) -> None:
    run = synthetic.write_run(tmp_path / "run", golden.records(), synthetic.RUN)
    files = render_report(run, tmp_path / "one")
    render_report(run, tmp_path / "two")
    for path in files:
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes(), path.name


def test_torch_is_never_imported(tmp_path: Path) -> None:
    run = synthetic.write_run(tmp_path / "run", golden.records(), synthetic.RUN)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from harness.comparison import compare_runs\n"
        "from harness.report.render import render_report\n"
        f"render_report(Path({str(run)!r}), Path({str(tmp_path / 'out')!r}))\n"
        f"compare_runs(Path({str(run)!r}), Path({str(run)!r}), ['psnr_y<0'])\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


SCRIPT = "<script>alert(1)</script>"


def test_hostile_names_are_text_everywhere(tmp_path: Path) -> None:
    records = [
        synthetic.quality(
            "ms-lapsrn", 4, SCRIPT, values(), images=[f"{SCRIPT}{i}" for i in range(14)]
        ),
        synthetic.quality("x", 4, SCRIPT, values(seed=1), label=SCRIPT, weights_label="a|b$c$"),
        synthetic.quality("y", 4, SCRIPT, [], label=SCRIPT, status="failed", reason=SCRIPT),
        synthetic.quality("z", 8, '"><img src=x onerror=alert(1)>', values(), label="</svg><b>"),
        synthetic.pictures(tmp_path / "run", "x", 4, SCRIPT, [SCRIPT], label=SCRIPT),
    ]
    run = {"git_commit": SCRIPT, "environment": {"cpu": SCRIPT}}
    html, markdown = rendered(tmp_path, records, run=run)
    page = Page(html)
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert SCRIPT in page.text
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "<img src=x" not in html
    assert "<script" not in markdown
    assert "&lt;script&gt;" in markdown
    for table in (tmp_path / "report" / "tables").glob("*.csv"):
        assert table.read_text("utf-8").count("\n") >= 1
    assert "alert(1)" in (tmp_path / "report" / "tables" / "statistics.csv").read_text("utf-8")


def test_no_request_leaves_the_page(tmp_path: Path) -> None:
    records = golden.records()
    records += synthetic.all_pictures(tmp_path / "run", "Set5")
    html, _ = rendered(tmp_path, records)
    for tag, attrs in Page(html).tags:
        for name in ("src", "href", "xlink:href", "data", "action", "srcset"):
            target = attrs.get(name) or "#"
            if target.startswith("plots/") and (tmp_path / "report" / target).is_file():
                continue  # A file beside the page, fetched by a click alone.
            assert target.startswith(("#", "data:")), (tag, name, target[:80])
    assert not re.search(r"url\((?!#)", html)
    assert "@import" not in html


def test_every_label_of_the_page_refers_to_something(tmp_path: Path) -> None:
    page = Page(rendered(tmp_path, golden.records())[0])
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.tags:
        for name in ("aria-labelledby", "for"):
            if attrs.get(name):
                assert attrs[name] in ids
        if (attrs.get("href") or "").startswith("#"):
            assert attrs["href"][1:] in ids  # type: ignore[index]


def test_identical_images_and_nan_are_told(tmp_path: Path) -> None:
    perfect, broken = values(), values()
    perfect[2], broken[5] = float("inf"), float("nan")
    html, markdown = rendered(
        tmp_path,
        [
            synthetic.quality("ms-lapsrn", 4, "Set14", values()),
            synthetic.quality("lapsrn", 4, "Set14", perfect),
            synthetic.quality("cms-lapsrn-conv1", 4, "Set14", broken),
        ],
    )
    assert "1 identical to HR of 14 images" in markdown
    assert "1 not a number of 14 images" in markdown
    assert "No finite mean" in Page(html).text


def test_failed_jobs_and_missing_weights_are_told(tmp_path: Path) -> None:
    html, markdown = rendered(
        tmp_path,
        [
            synthetic.quality("ms-lapsrn", 4, "Set14", values()),
            synthetic.quality("lapsrn", 4, "Set14", [], status="failed", reason="disk on fire"),
            synthetic.quality("cms-lapsrn-conv1", 4, "Set14", [], status="no_weights"),
            synthetic.cost("lapsrn", 4, 1, 1, status="failed", reason="no memory"),
            synthetic.latency("lapsrn", 4, 1, status="unavailable", reason="no such device"),
        ],
    )
    for words in ("disk on fire", "no weights yet", "no memory", "no such device", "A job failed"):
        assert words in markdown
        assert words in Page(html).text


def test_an_older_schema_is_left_out_and_told(tmp_path: Path) -> None:
    old = synthetic.quality("lapsrn", 4, "Set14", values()).as_dict() | {"schema": 0}
    jobs = synthetic.write_run(
        tmp_path / "run", [synthetic.quality("ms-lapsrn", 4, "Set14", values())]
    )
    (jobs / "jobs" / "old.json").write_text(json.dumps(old))
    (jobs / "jobs" / "torn.json").write_text('{"id": ')
    odd = synthetic.quality("bicubic", 4, "Set14", values()).as_dict()
    odd["result"] = {"images": [{"name": "no such key"}], "psnr_y": 3.0}
    (jobs / "jobs" / "odd.json").write_text(json.dumps(odd))
    render_report(jobs, tmp_path / "report")
    markdown = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert "schema version 0" in markdown
    assert "torn.json is not a readable record" in markdown
    assert "has not the layout of a quality record" in markdown


def test_a_run_of_nothing_still_renders(tmp_path: Path) -> None:
    html, markdown = rendered(tmp_path, [], run={})
    assert "No quality was measured" in markdown
    assert "No latency was measured" in Page(html).text


def test_a_missing_baseline_is_told_and_no_verdicts_given(tmp_path: Path) -> None:
    records = [synthetic.quality("lapsrn", 4, "Set14", values())]
    _, markdown = rendered(tmp_path, records, baseline="nobody")
    assert "The baseline nobody was not measured" in markdown
    assert "\u25b2 better" not in markdown


def test_any_row_can_be_the_baseline(tmp_path: Path) -> None:
    better = (np.array(values()) + 0.2 + 0.01 * np.arange(14)).tolist()
    records = [
        synthetic.quality("ms-lapsrn", 4, "Set14", values()),
        synthetic.quality("ms-lapsrn", 4, "Set14", better, weights_label="mine"),
    ]
    for name, verdict in (("ms-lapsrn", "better"), ("ms-lapsrn@mine", "worse")):
        render_report(
            synthetic.write_run(tmp_path / "run", records), tmp_path / name, baseline=name
        )
        rows = (tmp_path / name / "tables" / "statistics.csv").read_text("utf-8").splitlines()
        verdicts = [row for row in rows if ",psnr_y," in row and f",{verdict}," in row]
        assert len(verdicts) == 1


def test_a_row_is_of_one_training(tmp_path: Path) -> None:
    """What shipped before is not what ships now, though both are called shipped."""

    def measured(dataset: str, day: int, sha256: str, variant: str = "ms-lapsrn") -> Record:
        record = synthetic.quality(variant, 4, dataset, values(), sha256=sha256)
        return dataclasses.replace(record, started=f"2026-11-{day:02d}T00:00:00+00:00")

    records = [
        measured("Set14", 1, "a" * 64),
        measured("own", 1, "a" * 64),
        measured("own", 2, "b" * 64),
        measured("Set14", 1, "c" * 64, "lapsrn"),
        measured("own", 1, "c" * 64, "lapsrn"),
    ]
    folder = synthetic.write_run(tmp_path / "run", records)
    data = collect(folder)
    assert {(row.variant, dataset) for row, _, dataset in data.quality} == {
        ("ms-lapsrn", "own"),
        ("lapsrn", "Set14"),
        ("lapsrn", "own"),
    }
    (told,) = [problem for problem in data.problems if "earlier weights" in problem]
    assert "MS-LapSRN on Set14 at 4\u00d7." in told


def test_a_network_that_was_given_weights_is_no_longer_without(tmp_path: Path) -> None:
    """The record of the run before it was trained is still there."""
    without: dict[str, Any] = {
        "status": "no_weights",
        "reason": "no weights yet",
        "weights_label": "none",
    }
    records = [
        synthetic.quality("ms-lapsrn", 4, "Set14", values()),
        synthetic.quality("lapsrn", 4, "Set14", [], **without),
        synthetic.quality("lapsrn", 4, "Set14", values()),
        synthetic.quality("cms-lapsrn-conv1", 4, "Set14", [], **without),
    ]
    data = collect(synthetic.write_run(tmp_path / "run", records))
    assert [row.title for row in data.rows] == ["LapSRN", "MS-LapSRN", "CMS-LapSRN (1st Conv)"]
    assert not_trained(data).summary == "1 network without figures"


def test_no_other_weights_stand_in_for_the_baseline(tmp_path: Path) -> None:
    """Where its own were not measured, what its authors released is another network."""
    records = [
        synthetic.quality("ms-lapsrn", 4, "own", values()),
        synthetic.quality("ms-lapsrn", 4, "own", values(), weights_label="theirs"),
        synthetic.quality("ms-lapsrn", 4, "Set14", values(), weights_label="theirs"),
        synthetic.quality("lapsrn", 4, "Set14", values()),
    ]
    data = collect(synthetic.write_run(tmp_path / "run", records))
    analysis = analyse(data, "ms-lapsrn")
    assert [key[1] for key in analysis.baselines] == ["own"]
    assert analysis.baseline_title == "MS-LapSRN"


def test_other_images_than_the_baselines_are_not_compared(tmp_path: Path) -> None:
    _, markdown = rendered(
        tmp_path,
        [
            synthetic.quality("ms-lapsrn", 4, "own", values(14)),
            synthetic.quality("lapsrn", 4, "own", values(13)),
        ],
    )
    assert "Not all rows saw the same images" in markdown


def test_a_mean_that_is_not_its_images_is_told(tmp_path: Path) -> None:
    record = synthetic.quality("ms-lapsrn", 4, "Set14", values())
    wrong = synthetic.changed(record, result={"psnr_y": 35.0})
    _, markdown = rendered(tmp_path, [wrong])
    assert "is not that of its images" in markdown


@pytest.mark.parametrize(("shift", "warned"), [(0.0, False), (0.3, True)])
def test_bicubic_checks_the_protocol(tmp_path: Path, shift: float, warned: bool) -> None:
    offsets = np.linspace(-2, 2, 5)
    psnr = (28.43 + shift + offsets).tolist()
    record = synthetic.quality("bicubic", 4, "Set5", psnr, [0.811] * 5)
    _, markdown = rendered(tmp_path, [record])
    assert ("The data differ from the paper's" in markdown) is warned
    assert f"printed figure in {1 if warned else 2} of 2 values" in markdown


def test_modules_are_summed_by_kind(tmp_path: Path) -> None:
    from harness.report.sections.cost.modules import group_of

    assert group_of("levels.0.convs.3") == group_of("convs.1") == "convs"
    record = synthetic.cost("ms-lapsrn", 4, 1000, 2000)
    convs = [
        {"name": f"levels.{i}.convs.{j}", "type": "Conv2d", "params": 100, "macs": 300}
        for i in (0, 1)
        for j in (0, 1)
    ]
    rest = {"name": "conv_out", "type": "Conv2d", "params": 600, "macs": 800}
    changed = synthetic.changed(record, result={"modules": [*convs, rest]})
    _, markdown = rendered(tmp_path, [changed])
    assert "| MS-LapSRN | 4\u00d7 | 40.0 % | 60.0 % | 60.0 % | 40.0 % |" in markdown


def test_two_protocols_are_kept_apart(tmp_path: Path) -> None:
    _, markdown = rendered(
        tmp_path,
        [
            synthetic.quality("ms-lapsrn", 4, "Set14", values()),
            synthetic.quality("ms-lapsrn", 4, "Set14", values(seed=1), protocol="python_y"),
        ],
    )
    assert "Results with python\\_y are listed apart" in markdown
    assert "### Other protocols" in markdown


def test_pictures_may_not_leave_the_results_folder(tmp_path: Path) -> None:
    run = tmp_path / "run"
    record = synthetic.pictures(run, "ms-lapsrn", 4, "Set14", ["a.png", "b.png", "c.png"])
    crops = json.loads(json.dumps(record.as_dict()["result"]["crops"]))
    (tmp_path / "secret.png").write_bytes((run / crops[0]["files"]["hr"]).read_bytes())
    (run / "pictures" / "page.png").write_text("<html>")
    crops[0]["files"]["hr"] = "../secret.png"
    crops[1]["files"]["sr"] = "pictures/page.png"
    crops[2]["files"]["error"] = "pictures/gone.png"
    broken = synthetic.changed(record, result={"crops": crops})
    good = synthetic.pictures(run, "lapsrn", 4, "Set14", ["a.png"])
    html, _ = rendered(tmp_path, [broken, good])
    text = Page(html).text
    assert "lies outside the results folder" in text
    assert "is no PNG, WebP or JPEG image" in text
    assert "gone.png cannot be read" in text
    assert html.count("data:image/png") == 3


def test_pictures_on_github_stand_six_beside_each_other(tmp_path: Path) -> None:
    run = tmp_path / "run"
    names = list(synthetic.LABELS)[:8]
    records = [synthetic.pictures(run, name, 4, "Set14", ["a.png"]) for name in names]
    rendered(tmp_path, records)
    lines = (tmp_path / "report" / "report.md").read_text("utf-8").splitlines()
    counts = [line.count("](pictures/") for line in lines if line.startswith("| ![")]
    # HR and eight networks; of them there are error maps, too.
    assert max(counts) == 6
    assert sum(counts) >= 9


def test_pictures_beyond_the_room_are_left_out_and_told(tmp_path: Path) -> None:
    from harness.report.pictures import read_pictures
    from harness.report.sections.pictures.fitting import fitting

    run = tmp_path / "run"
    records = [synthetic.pictures(run, "lapsrn", s, "Set14", ["a", "b"]) for s in (2, 4)]
    whole = read_pictures(run, records, [], "matlab_y")
    assert len(whole.groups) == 4
    half = fitting(whole, sum(group.size for group in whole.groups) // 2 + 100)
    assert {(g.scale, g.image) for g in half.groups} == {(2, "a"), (4, "a")}
    assert "2 of 4 crops are left out" in half.problems[0]


def test_plots_of_an_earlier_report_go_and_foreign_files_stay(tmp_path: Path) -> None:
    plots = tmp_path / "report" / "plots"
    rendered(tmp_path, golden.records())
    before = {path.name for path in plots.glob("*.svg")}
    (plots / "mine.svg").write_text("<svg/>")
    for job in (tmp_path / "run" / "jobs").glob("*8*"):
        job.unlink()
    for job in (tmp_path / "run" / "jobs").glob("*Set14*"):
        job.unlink()
    render_report(tmp_path / "run", tmp_path / "report")
    after = {path.name for path in plots.glob("*.svg")}
    assert "mine.svg" in after
    assert after - {"mine.svg"} < before


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no folder `jobs`"):
        render_report(tmp_path, tmp_path / "report")


def test_a_report_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    run = synthetic.write_run(tmp_path / "run", [])
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="cannot write the report"):
        render_report(run, tmp_path / "file" / "report")


def test_markdown_links_lead_to_files(tmp_path: Path) -> None:
    records = golden.records() + synthetic.all_pictures(tmp_path / "run", "Set5")
    _, markdown = rendered(tmp_path, records)
    targets = re.findall(r"\]\(([^)]+)\)", markdown)
    assert len(targets) > 10
    for target in targets:
        if target.startswith("#"):
            assert f'<a id="{target[1:]}"></a>' in markdown, target
        else:
            assert (tmp_path / "report" / target).exists(), target


@pytest.mark.slow
def test_fifty_variants_render_in_a_minute(tmp_path: Path) -> None:
    import time

    names = ["bicubic", "ms-lapsrn", *(f"net-conv{i:02}" for i in range(48))]
    sizes = dict.fromkeys(["Set5", "Set14", "BSDS100", "Urban100", "embedded"], 100)
    run = synthetic.write_run(tmp_path / "run", synthetic.full_run(names, (2, 4, 8), sizes))
    started = time.perf_counter()
    render_report(run, tmp_path / "report")
    assert time.perf_counter() - started < 60
    assert (tmp_path / "report" / "report.html").stat().st_size < 30_000_000
