"""The command line as people use it: a subprocess, its output, its exit code."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.conftest import UNTRAINED, Harness, expect_one_sentence


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def done(harness: Harness, images: Path) -> Path:
    """A finished small run."""
    outcome = harness(
        *("run", "--variants", f"bicubic,{UNTRAINED}", "--scales", "2,4"),
        *("--dataset", f"photos={images}", "--only", "cost,quality", "--results", "out"),
    )
    assert outcome.returncode == 0, outcome.stderr
    return Path("out")


def test_help_and_list_import_no_torch(harness: Harness) -> None:
    for command in (["--help"], ["list"], ["run", "--help"]):
        outcome = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "harness", *command],
            capture_output=True,
            text=True,
            check=True,
        )
        imported = {line.rpartition("|")[2].strip() for line in outcome.stderr.splitlines()}
        assert "harness.cli" in imported
        assert not imported & {"torch", "pandas", "scipy", "matplotlib"}


def test_tables_and_records(done: Path) -> None:
    quality = rows(done / "quality.csv")
    assert {(r["variant"], r["scale"], r["status"]) for r in quality} == {
        ("bicubic", "2", "done"),
        ("bicubic", "4", "done"),
        (UNTRAINED, "2", "no_weights"),
        (UNTRAINED, "4", "no_weights"),
    }
    assert all(r["reason"] == "no weights yet" for r in quality if r["status"] == "no_weights")
    bicubic = next(r for r in quality if (r["variant"], r["scale"]) == ("bicubic", "2"))
    images = [
        float(r["psnr_y"])
        for r in rows(done / "images.csv")
        if r["variant"] == "bicubic" and r["scale"] == "2"
    ]
    assert len(images) == 3
    assert float(bicubic["psnr_y"]) == pytest.approx(sum(images) / 3)
    assert bicubic["protocol"] == "matlab_y"
    cost = {(r["variant"], r["scale"]): r for r in rows(done / "cost.csv")}
    assert cost[UNTRAINED, "4"]["macs"] == "435991449600"
    assert cost[UNTRAINED, "4"]["params"] == "222801"
    run = json.loads((done / "run.json").read_text())
    assert run["environment"]["versions"]["torch"]
    assert run["config"]["scales"] == [2, 4]
    for path in (done / "jobs").iterdir():
        assert json.loads(path.read_text())["id"] == path.stem


def test_the_report_says_what_is_missing(done: Path) -> None:
    text = (done / "report" / "report.md").read_text()
    assert "no weights yet" in text
    assert "Manga109" in text


def test_a_finished_run_measures_nothing_and_loads_no_network(
    harness: Harness, images: Path
) -> None:
    command = [
        *("run", "--variants", "bicubic,ms-lapsrn", "--scales", "2,4"),
        *("--dataset", f"photos={images}", "--only", "cost,quality", "--results", "out"),
    ]
    assert harness(*command).returncode == 0
    done = Path("out")
    before = {p.name: p.stat().st_mtime_ns for p in (done / "jobs").iterdir()}
    outcome = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "harness", *command],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in outcome.stderr.splitlines()}
    assert "torch" not in imported
    assert "0 jobs measured, 8 taken" in outcome.stderr
    assert {p.name: p.stat().st_mtime_ns for p in (done / "jobs").iterdir()} == before


def test_fresh_measures_again(done: Path, harness: Harness, images: Path) -> None:
    outcome = harness(
        *("run", "--variants", "bicubic", "--scales", "2", "--dataset", f"photos={images}"),
        *("--only", "quality", "--results", "out", "--fresh"),
    )
    assert "1 job measured, 0 taken" in outcome.stderr


def test_changed_images_are_measured_again(done: Path, harness: Harness, images: Path) -> None:
    (images / "image1.png").unlink()
    outcome = harness(
        *("run", "--variants", "bicubic", "--scales", "2", "--dataset", f"photos={images}"),
        *("--only", "quality", "--results", "out"),
    )
    assert "1 job measured, 0 taken" in outcome.stderr
    kept = [r for r in rows(done / "quality.csv") if (r["variant"], r["scale"]) == ("bicubic", "2")]
    assert [r["n_images"] for r in kept] == ["2"]


def test_report_renders_again_without_torch(done: Path, harness: Harness) -> None:
    outcome = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "harness", "report", "out", "-o", "again"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in outcome.stderr.splitlines()}
    assert "torch" not in imported
    first = (done / "report" / "report.md").read_text()
    assert Path("again/report.md").read_text() == first


def test_two_protocols_side_by_side(harness: Harness, images: Path) -> None:
    harness(
        *("run", "--variants", "bicubic", "--scales", "2", "--dataset", f"photos={images}"),
        *("--only", "quality", "--results", "out", "--protocol", "matlab_y,python_y"),
    )
    values = {r["protocol"]: float(r["psnr_y"]) for r in rows(Path("out/quality.csv"))}
    assert set(values) == {"matlab_y", "python_y"}
    assert values["matlab_y"] != values["python_y"]


def test_save_images(harness: Harness, images: Path) -> None:
    from PIL import Image

    harness(
        *("run", "--variants", "bicubic", "--scales", "4", "--dataset", f"photos={images}"),
        *("--only", "quality", "--results", "out", "--save-images"),
    )
    saved = sorted(Path("out/images").rglob("*.png"))
    assert [p.name for p in saved] == ["image0.png", "image1.png", "image2.png"]
    with Image.open(saved[0]) as image:
        assert image.size == (48, 40)


def test_dry_run_lists_jobs_and_measures_nothing(harness: Harness, images: Path) -> None:
    outcome = harness(
        *("run", "--variants", "bicubic,ms-lapsrn", "--scales", "2"),
        *("--dataset", f"photos={images}", "--results", "out", "--dry-run"),
    )
    assert outcome.returncode == 0, outcome.stderr
    for title in ("cost bicubic 2x", "quality ms-lapsrn 2x photos", "latency ms-lapsrn 2x"):
        assert title in outcome.stdout
    assert "minutes" in outcome.stdout
    assert not Path("out").exists()


def test_the_axes_of_latency_are_options(harness: Harness) -> None:
    outcome = harness(
        *("run", "--variants", "ms-lapsrn", "--scales", "2", "--only", "latency", "--dry-run"),
        *("--device", "cpu", "--batch", "1,4", "--lr-size", "32x16", "--threads", "1"),
        *("--memory-format", "channels_last,contiguous", "--results", "out"),
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("32x16 batch 4 threads 1") == 2
    assert outcome.stdout.count("contiguous") == 2
    assert "4 jobs" in outcome.stdout


def test_a_bad_axis_is_named(harness: Harness) -> None:
    outcome = harness("run", "--lr-size", "32", "--dry-run")
    expect_one_sentence(outcome, "320x180", "'32'")


def test_config_file_and_options(harness: Harness, images: Path) -> None:
    Path("run.yaml").write_text(
        f"variants: [bicubic]\nscales: [2, 4]\nonly: [quality]\nresults: from-file\n"
        f"dataset_folders: {{photos: {images}}}\nlimit: 2\n"
    )
    assert harness("run", "--config", "run.yaml", "--scales", "4").returncode == 0
    table = rows(Path("from-file/quality.csv"))
    assert [(r["scale"], r["n_images"]) for r in table] == [("4", "2")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rum"], ["Did you mean 'run'"]),
        (["run", "--variant"], ["--variants"]),
        (["run", "--variants", "ms-lapsrm"], ["Did you mean ms-lapsrn"]),
        (["run", "--scales", "3"], ["2, 4 or 8"]),
        (["run", "--scales", "two"], ["two"]),
        (["run", "--datasets", "Set55"], ["Did you mean Set5"]),
        (["run", "--datasets", "Set5"], ["HARNESS_DATA", "Set5"]),
        (["run", "--datasets", "Manga109"], ["Manga109"]),
        (["run", "--dataset", "photos"], ["NAME=DIR"]),
        (["run", "--dataset", "photos=nowhere"], ["nowhere"]),
        (["run", "--protocol", "matlab"], ["Did you mean matlab_y"]),
        (["run", "--only", "speed"], ["speed"]),
        (["run", "--weights", "ms-lapsrn"], ["NAME=FILE"]),
        (["run", "--weights", "ms-lapsrn@3=x"], ["2, 4 or 8"]),
        (["run", "--weights", "ms-lapsrn=no.safetensors"], ["no weights file"]),
        (["run", "--weights", "bicubic=run.yaml"], ["no network"]),
        (["run", "--config", "absent.yaml"], ["no configuration file"]),
        (["run", "--config", "typo.yaml"], ["Did you mean variants"]),
        (["run", "--config", "broken.yaml"], ["cannot read"]),
        (["run", "--results", "file.txt/inside", "--variants", "bicubic"], ["cannot write"]),
        (["report", "nothing-here"], ["no results in"]),
        (["import-weights", "x.mat", "--variant", "ms-lapsrn", "-o", "o.safetensors"], ["x.mat"]),
    ],
)
def test_bad_input_gets_one_sentence(
    harness: Harness, arguments: list[str], words: list[str]
) -> None:
    Path("typo.yaml").write_text("variant: [bicubic]\n")
    Path("broken.yaml").write_text("variants: [bicubic\n")
    Path("file.txt").write_text("")
    Path("run.yaml").write_text("")
    expect_one_sentence(harness(*arguments), *words)


def test_no_gpu_is_said(harness: Harness) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a GPU is here")
    expect_one_sentence(harness("run", "--device", "cuda", "--variants", "bicubic"), "no GPU")


def bad_run(harness: Harness, images: Path, *more: object) -> Any:
    return harness(
        *("run", "--variants", "bicubic", "--scales", "4", "--only", "cost,quality"),
        *("--dataset", f"photos={images}", "--results", "out", *more),
    )


def test_a_corrupt_image_fails_its_job_alone(harness: Harness, images: Path) -> None:
    good = images.with_name("good")
    good.mkdir()
    (good / "a.png").write_bytes((images / "image0.png").read_bytes())
    content = (images / "image1.png").read_bytes()
    (images / "image1.png").write_bytes(content[: len(content) // 2])
    outcome = bad_run(harness, images, "--dataset", f"good={good}")
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    assert "image1.png" in outcome.stderr
    status = {r["dataset"]: r["status"] for r in rows(Path("out/quality.csv"))}
    assert status == {"photos": "failed", "good": "done"}
    assert rows(Path("out/cost.csv"))[0]["status"] == "done"
    # Mended, the same command measures what failed and nothing else.
    (images / "image1.png").write_bytes(content)
    outcome = bad_run(harness, images, "--dataset", f"good={good}")
    assert outcome.returncode == 0
    assert "1 job measured, 2 taken" in outcome.stderr


def test_a_tiny_image_fails_its_job_alone(harness: Harness, images: Path) -> None:
    from PIL import Image

    Image.new("RGB", (3, 3)).save(images / "tiny.png")
    outcome = bad_run(harness, images)
    assert outcome.returncode == 1
    assert "tiny.png" in outcome.stderr
    assert "too small" in outcome.stderr


def test_truncated_weights_fail_their_jobs_alone(harness: Harness, images: Path) -> None:
    Path("w.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    outcome = harness(
        *("run", "--variants", "bicubic,ms-lapsrn", "--scales", "4", "--only", "quality"),
        *("--dataset", f"photos={images}", "--results", "out"),
        *("--weights", "ms-lapsrn=w.safetensors"),
    )
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    status = {r["variant"]: r["status"] for r in rows(Path("out/quality.csv"))}
    assert status == {"bicubic": "done", "ms-lapsrn": "failed"}


def test_weights_of_ones_own(harness: Harness, images: Path) -> None:
    import variants
    from variants.weights.files import save_weights

    variant = variants.get_variant("ms-lapsrn")
    save_weights(variants.create_model("ms-lapsrn", 8), Path("mine.safetensors"), variant, 8, {})
    outcome = harness(
        *("run", "--variants", "ms-lapsrn", "--scales", "2", "--only", "quality"),
        *("--dataset", f"photos={images}", "--results", "out"),
        *("--weights", "ms-lapsrn=mine.safetensors"),
    )
    assert outcome.returncode == 0, outcome.stderr
    assert rows(Path("out/quality.csv"))[0]["weights"] == "mine"


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX lock")
def test_two_runs_into_one_folder(harness: Harness, images: Path) -> None:
    from harness.jobs.store import ResultsFolder

    with ResultsFolder(Path("out")).locked():
        expect_one_sentence(bad_run(harness, images), "another run is using")
    assert bad_run(harness, images).returncode == 0


def test_a_damaged_record_is_measured_again(done: Path, harness: Harness, images: Path) -> None:
    record = next((done / "jobs").glob("quality-bicubic-2x*"))
    record.write_text(record.read_text()[:100])
    outcome = harness(
        *("run", "--variants", f"bicubic,{UNTRAINED}", "--scales", "2,4"),
        *("--dataset", f"photos={images}", "--only", "cost,quality", "--results", "out"),
    )
    assert "1 job measured, 7 taken" in outcome.stderr
    assert json.loads(record.read_text())["status"] == "done"


def test_compare_says_what_changed_and_gates_fail(done: Path, harness: Harness) -> None:
    import shutil

    shutil.copytree(done, "changed")
    record = next(Path("changed/jobs").glob("quality-bicubic-4x*"))
    content = json.loads(record.read_text())
    for image in content["result"]["images"]:
        image["psnr_y"] -= 0.5
    content["result"]["psnr_y"] -= 0.5
    record.write_text(json.dumps(content))
    assert harness("compare", "out", "out", "--fail-if", "psnr_y<-0.02").returncode == 0
    outcome = harness("compare", "out", "changed", "--fail-if", "psnr_y<-0.02")
    assert outcome.returncode == 1
    assert "psnr_y<-0.02" in outcome.stdout
    assert harness("compare", "out", "changed", "--fail-if", "psnr_y<-0.6").returncode == 0
    expect_one_sentence(harness("compare", "out", "changed", "--fail-if", "psnr<-1"), "psnr_y")
    expect_one_sentence(harness("compare", "out", "absent"), "absent")
