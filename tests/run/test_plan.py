"""Plans: ids come from content, and a job's identity is all that its result depends on."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import variants
from harness.config import RunConfig, WeightsFile
from harness.jobs import Job, Record
from harness.plan import Plan, make_plan
from harness.plan_pictures import choose
from harness.results import ResultsFolder, current
from harness.weights import NO_WEIGHTS, resolve_weights
from variants.weights.files import save_weights


def plan(images: Path, **options: object) -> Plan:
    values = {"variants": ("ms-lapsrn",), "dataset_folders": {"photos": images}, **options}
    return make_plan(RunConfig.model_validate(values))


def ids(images: Path, **options: object) -> list[str]:
    return [job.id for job in plan(images, **options).jobs]


def test_one_job_per_cell(images: Path) -> None:
    jobs = plan(images, variants=("all",)).jobs
    n = len(variants.list_models())
    kinds = [job.kind for job in jobs]
    assert (kinds.count("cost"), kinds.count("quality"), kinds.count("latency")) == (3 * n,) * 3
    assert len({job.id for job in jobs}) == len(jobs)
    assert kinds[-1] == "latency"


def test_a_copy_of_the_images_elsewhere_is_the_same_job(images: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for path in images.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert ids(images) == ids(copy)


def test_what_changes_a_result_changes_its_job(images: Path) -> None:
    quality = {"only": ("quality",), "scales": (2,)}
    base = ids(images, **quality)
    assert ids(images, **quality, limit=2) != base
    assert ids(images, **quality, protocols=("python_y",)) != base
    assert ids(images, **quality, save_images=True) != base
    latency = {"only": ("latency",), "scales": (2,)}
    changed = {"latency": {"threads": 1}}, {"latency": {"batch": 2}}, {"latency": {"max_s": 9}}
    assert len({*ids(images, **latency), *(ids(images, **latency, **c)[0] for c in changed)}) == 4
    (images / "image0.png").rename(images / "renamed.png")
    assert ids(images, **quality) != base


def test_weights_are_part_of_the_identity(images: Path, tmp_path: Path) -> None:
    variant = variants.get_variant("ms-lapsrn")
    found = set()
    for number in range(2):
        path = tmp_path / f"{number}.safetensors"
        save_weights(variants.create_model("ms-lapsrn", 8), path, variant, 8, {})
        file = WeightsFile(variant="ms-lapsrn", path=path)
        found.update(ids(images, only=("quality",), scales=(2,), weights=(file,)))
    assert len(found) == 2


def test_weights_for_a_scale_win(tmp_path: Path) -> None:
    variant = variants.get_variant("lapsrn")
    files = {}
    for scale in (2, 4):
        path = tmp_path / f"x{scale}.safetensors"
        save_weights(variants.create_model("lapsrn", scale), path, variant, scale, {})
        files[scale] = WeightsFile(variant="lapsrn", path=path)
    brought = list(files.values())
    # A LapSRN file says which scale it is for, and serves no other.
    assert resolve_weights(variant, 2, brought).label == "x2"
    assert resolve_weights(variant, 4, brought).label == "x4"
    untold = variants.get_variant("ms-lapsrn-d5r8")
    assert resolve_weights(untold, 8, brought) is NO_WEIGHTS


def test_unknown_manga109_is_noted_and_not_planned(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    made = make_plan(RunConfig.model_validate({"variants": ("bicubic",), "only": ("quality",)}))
    notes = {note["name"]: note["status"] for note in made.dataset_notes}
    assert notes["Manga109"] == "not found"
    assert notes["embedded"] == "found"
    assert {job.spec["dataset"]["name"] for job in made.jobs} == {"embedded"}


def record(
    started: str, status: str = "done", label: str = "shipped", psnr: float = 30.0
) -> Record:
    spec = {
        "variant": {"name": "v", "label": "V", "architecture": {"upsampler": "tied"}},
        "scale": 2,
        "weights": {"label": label},
        "dataset": {"name": "d"},
        "protocol": {"name": "p"},
        "dtype": "float32",
    }
    job = Job("quality", {**spec, "started": started})
    images = [{"image": f"{n}.png", "psnr_y": psnr + n * float(started)} for n in range(4)]
    return Record(job.id, "quality", spec, status, None, {"images": images}, started, 0, {})  # type: ignore[arg-type]


def test_the_latest_record_of_a_cell_counts() -> None:
    assert [r.started for r in current([record("2"), record("3"), record("1")])] == ["3"]


def test_no_weights_gives_way_to_weights() -> None:
    none = record("9", "no_weights", "none")
    assert current([none]) == [none]
    assert [r.status for r in current([none, record("1")])] == ["done"]


@given(st.permutations([record("1"), record("2", label="a"), record("3", "no_weights", "none")]))
def test_the_order_of_records_does_not_matter(records: list[Record]) -> None:
    assert [r.started for r in current(records)] == ["2", "1"]


def test_pictures_are_the_first_and_those_that_differ_most() -> None:
    chosen = choose([record("1", label="a"), record("2", label="b")])
    assert [c["image"] for c in chosen] == ["0.png", "3.png", "2.png"]
    assert [c["why"].split(":")[0] for c in chosen] == [
        "fixed",
        *["largest difference between variants"] * 2,
    ]


def test_records_of_another_schema_are_left_out_with_a_note(tmp_path: Path) -> None:
    from dataclasses import replace

    folder = ResultsFolder(tmp_path)
    with folder.locked():
        folder.write(replace(record("1"), schema=0))
        (folder.jobs_dir / "broken.json").write_text("{")
    assert folder.read() == {}
    assert len(folder.problems) == 2
    assert any("schema version 0" in problem for problem in folder.problems)
