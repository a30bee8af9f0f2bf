"""Estimates of a job's time, and the order that they give."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.jobs import estimate
from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.estimate import JOB_S, Estimator
from harness.jobs.execute import execute
from harness.jobs.plan import make_plan
from tests.report import synthetic


def plan(images: Path, **options: Any) -> list[Job]:
    values = {"dataset_folders": {"photos": images}, "device": "cpu", **options}
    return make_plan(RunConfig.model_validate(values)).jobs


def cost(job: Job, macs: int) -> Record:
    spec = {**job.spec.stored(), "hr_height": 100, "hr_width": 100}
    return synthetic.record("cost", spec, {"macs": macs, "params": 1})


def quality(job: Job, seconds: float, **spec: str) -> Record:
    image = {"image": "a.png", "hr_height": 100, "hr_width": 100}
    means = {"psnr_y": 30.0, "ssim_y": 0.9, "n_images": 1}
    result = {**means, "images": [image], "network_seconds": seconds}
    return synthetic.record("quality", {**job.spec.stored(), **spec}, result)


def test_recorded_costs_and_speeds_are_used_before_anything_is_built(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "_counted_macs_per_pixel", None)
    monkeypatch.setattr(estimate, "_convolution_macs_per_second", None)
    (job,) = plan(images, variants=("ms-lapsrn",), scales=(4,), only=("quality",))
    # 1 s for 100x100 pixels, but another precision says nothing about this one.
    records = [cost(job, 10**9), quality(job, 1.0), quality(job, 0.1, dtype="bfloat16")]
    pixels = 40 * 48 + 33 * 41 + 48 * 40
    seconds = Estimator(records).seconds(job)
    assert seconds == pytest.approx(JOB_S + pixels / 10**4, rel=0.01)
    only_other = Estimator([records[0], records[2]]).seconds(job)
    assert only_other == pytest.approx(JOB_S + pixels / 10**5, rel=0.01)


@pytest.mark.slow
def test_an_estimate_is_about_right(images: Path) -> None:
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (240, 240, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(images / f"large{number}.png")
    (job,) = plan(images, variants=("ms-lapsrn",), scales=(4,), only=("quality",))
    execute(job)
    start = time.perf_counter()
    assert execute(job).status == "done"
    seconds = time.perf_counter() - start
    # A factor of two is what it promises on a quiet machine.
    assert seconds / 5 < Estimator([]).seconds(job) < 5 * seconds


def test_the_longest_come_first_and_the_same_images_together(images: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.mkdir()
    Image.new("RGB", (400, 400)).save(large / "large.png")
    jobs = plan(
        images,
        variants=("bicubic", "ms-lapsrn", "lapsrn"),
        scales=(2, 8),
        only=("cost", "quality"),
        dataset_folders={"small": images, "large": large},
    )
    costs = [job for job in jobs if job.kind == "cost"]
    assert len(costs) == 6
    assert Estimator([]).longest_first(reversed(jobs))[:6] == costs[::-1]
    jobs = [job for job in jobs if job.kind == "quality"]
    ordered = Estimator([]).longest_first(jobs)
    assert sorted(job.id for job in ordered) == sorted(job.id for job in jobs)
    sets = [(job.spec.names()[-1], job.spec.scale) for job in ordered]
    assert sets[::3] == sorted(set(sets), key=sets.index)
    assert [name for name, _ in sets] == ["large"] * 6 + ["small"] * 6
    assert all(job.spec.variant.name == "bicubic" for job in ordered[2::3])
    # The order does not depend on the one that they came in.
    again = Estimator([]).longest_first(reversed(jobs))
    assert [job.id for job in again] == [job.id for job in ordered]


def test_a_network_that_cannot_be_built_is_left_to_its_job(images: Path) -> None:
    jobs = plan(images, variants=("ms-lapsrn",), scales=(2, 4), only=("quality",))
    variant = jobs[0].spec.variant.model_copy(update={"name": "gone"})
    broken = replace(jobs[0], spec=jobs[0].spec.model_copy(update={"variant": variant}))
    assert Estimator([]).longest_first([broken, jobs[1]]) == [jobs[1], broken]
