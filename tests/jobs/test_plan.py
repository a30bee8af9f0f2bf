"""Plans: ids come from content, and a job's identity is all that its result depends on."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import variants
from harness.errors import ConfigError
from harness.jobs.base import Job, Record, Status
from harness.jobs.config import RunConfig, load_config
from harness.jobs.latency.models import LatencyConfig
from harness.jobs.latency.tables import latency_table
from harness.jobs.pictures.plan import choose
from harness.jobs.plan import Plan, make_plan
from harness.jobs.store import ResultsFolder, current
from harness.networks.weights import NO_WEIGHTS, WeightsFile, resolve_weights
from harness.system.environment import usable_cpus
from tests.jobs.conftest import UNTRAINED
from tests.report import synthetic
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
    changed = (
        {"latency": {"threads": usable_cpus() + 1}},
        {"latency": {"batch": 2}},
        {"latency": {"max_s": 9}},
    )
    assert len({*ids(images, **latency), *(ids(images, **latency, **c)[0] for c in changed)}) == 4
    (images / "image0.png").rename(images / "renamed.png")
    assert ids(images, **quality) != base


AXES = {
    "batch": (1, 4),
    "threads": (1, 2),
    "lr_sizes": ("32x16", "16x8"),
    "memory_formats": ("channels_last", "contiguous"),
}


def latency_jobs(images: Path, **options: object) -> list[Job]:
    return plan(images, only=("latency",), scales=(2,), device="cpu", **options).jobs


def test_the_axes_of_latency_are_multiplied(images: Path) -> None:
    jobs = latency_jobs(images, latency=AXES, dtypes=("fp32", "bf16"))
    keys = ("batch", "threads", "lr_height", "lr_width", "memory_format", "dtype")
    found = {tuple(getattr(job.spec, key) for key in keys) for job in jobs}
    assert len(found) == len(jobs) == 2**5
    assert {(height, width) for _, _, height, width, _, _ in found} == {(16, 32), (8, 16)}
    assert len({job.id for job in jobs}) == len(jobs)
    assert len({job.title for job in jobs}) == len(jobs)
    assert len({job.cell_key for job in jobs}) == len(jobs)


def test_a_format_is_no_axis_where_it_makes_no_odds(images: Path) -> None:
    formats = {"memory_formats": ("contiguous", "channels_last")}
    for options in ({"variants": ("bicubic",)}, {"backends": ("openvino",)}):
        jobs = latency_jobs(images, latency=formats, **options)
        assert [job.spec.memory_format for job in jobs] == ["contiguous"]


def test_one_value_is_as_good_as_a_list_of_one(images: Path) -> None:
    one = {"batch": 4, "threads": 2, "lr_sizes": "32x16", "memory_formats": "contiguous"}
    several = {name: (value,) for name, value in one.items()}
    assert [j.id for j in latency_jobs(images, latency=one)] == [
        j.id for j in latency_jobs(images, latency=several)
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"batch": 0},
        {"batch": ()},
        {"threads": (2, 0)},
        {"lr_sizes": ("32",)},
        {"lr_sizes": ("0x4",)},
        {"memory_formats": ("chanels_last",)},
    ],
)
def test_bad_axes_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"latency|LR size"):
        load_config(None, {"latency": options})


def test_options_win_over_the_file_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("latency: {batch: 2, threads: [1, 2], max_s: 9}\n")
    latency = load_config(path, {"latency": {"batch": (4, 8)}}).part(LatencyConfig)
    assert (latency.batch, latency.threads, latency.max_s) == ((4, 8), (1, 2), 9)


def test_a_record_without_a_format_is_channels_last(images: Path) -> None:
    (job,) = latency_jobs(images)
    old = {key: value for key, value in job.spec.stored().items() if key != "memory_format"}
    before = synthetic.record("latency", old, {"median_ms": 1.0})
    assert job.cell_key == before.cell_key
    assert job.id != before.id
    assert list(latency_table([before]).frame()["memory_format"]) == ["channels_last"]
    assert synthetic.changed(before, {"memory_format": "contiguous"}).cell_key != job.cell_key


def test_quality_of_a_backend_depends_on_its_version(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quality = {"only": ("quality",), "scales": (2,)}
    for backend, distribution in (("eager", None), ("compile", "torch"), ("openvino", "openvino")):
        (job,) = plan(images, **quality, backends=(backend,)).jobs
        assert ("versions" in job.spec.stored()) == (distribution is not None)
        with monkeypatch.context() as patch:
            patch.setattr("harness.jobs.plan.package_version", lambda name: f"another {name}")
            (later,) = plan(images, **quality, backends=(backend,)).jobs
        assert (later.id == job.id) == (distribution is None)
        if distribution:
            assert later.spec.stored()["versions"][distribution] == f"another {distribution}"


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
    assert [w.label for w in resolve_weights(variant, 2, brought)] == ["x2"]
    assert [w.label for w in resolve_weights(variant, 4, brought)] == ["x4"]
    untold = variants.get_variant(UNTRAINED)
    assert resolve_weights(untold, 8, brought) == (NO_WEIGHTS,)


def test_unknown_manga109_is_noted_and_not_planned(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    made = make_plan(RunConfig.model_validate({"variants": ("bicubic",), "only": ("quality",)}))
    notes = {note["name"]: note["status"] for note in made.dataset_notes}
    assert notes["Manga109"] == "not found"
    assert notes["embedded"] == "found"
    assert {job.spec.names()[-1] for job in made.jobs} == {"embedded"}


def record(
    started: str, status: Status = "done", label: str = "shipped", psnr: float = 30.0
) -> Record:
    spec = {
        "variant": {"name": "v", "label": "V", "architecture": {"upsampler": "tied"}},
        "scale": 2,
        "weights": {"label": label},
        "dataset": {"name": "d"},
        "protocol": {"name": "p"},
        "dtype": "float32",
    }
    images = [{"image": f"{n}.png", "psnr_y": psnr + n * float(started)} for n in range(4)]
    result = {"n_images": 4, "psnr_y": psnr, "ssim_y": 0.9, "images": images}
    made = synthetic.record("quality", {**spec, "order": started}, result, status=status)
    return replace(made, started=started)


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


def test_a_folder_may_be_named_among_the_datasets(images: Path) -> None:
    found = plan(images, datasets=("photos", "embedded"))
    assert sorted(dataset.name for dataset in found.datasets) == ["embedded", "photos"]


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("dtypes", [("fp32",), ("fp32", "bf16")])
def test_a_dtype_that_is_slow_here_is_planned_with_a_note(
    native: bool, dtypes: tuple[str, ...], images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("variants.processor.is_native", lambda *_: native)
    planned = plan(images, dtypes=dtypes, device="cpu", only=("quality",), scales=(2,))
    assert len(planned.jobs) == len(dtypes)
    expected = int(not native and "bf16" in dtypes)
    assert sum("for bfloat16, which" in note for note in planned.warnings) == expected


@pytest.mark.parametrize(
    ("backends", "dtypes", "pairs"),
    [
        (("eager",), ("fp32", "bf16"), {"eager float32", "eager bfloat16"}),
        # Eager has no int8, ncnn nothing but float32, and each is measured otherwise.
        (
            ("eager", "ncnn", "onnxruntime"),
            ("fp32", "int8"),
            {"eager float32", "ncnn float32", "onnxruntime float32", "onnxruntime int8"},
        ),
        # Asked for by name, and not to be had in any other way: it is told.
        (("eager",), ("int8",), {"eager int8"}),
        (("eager", "ncnn"), ("bf16",), {"eager bfloat16", "ncnn bfloat16"}),
    ],
)
def test_dtypes_and_backends_are_paired_as_they_can_be(
    backends: tuple[str, ...], dtypes: tuple[str, ...], pairs: set[str]
) -> None:
    chosen = {"variants": ("ms-lapsrn",), "scales": (4,), "datasets": ("embedded",), "limit": 1}
    ways = {"only": ("quality", "latency"), "backends": backends, "dtypes": dtypes}
    made = make_plan(RunConfig.model_validate({**chosen, **ways}))
    for kind in ("quality", "latency"):
        found = {f"{job.spec.backend} {job.spec.dtype}" for job in made.by_kind[kind]}
        assert found == pairs
