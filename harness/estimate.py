"""How long a job will take: its MACs over this machine's speed."""

import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from harness.jobs import Job, Record
from harness.plan import Plan

COST_S = 0.2
OVERHEAD_S_PER_MEGAPIXEL = 0.6
"""Decoding, resizing and scoring, with no network at all."""


class Estimator:
    """Estimates jobs of a plan.

    Args:
        plan: the jobs and datasets.
        records: earlier records of this folder; their speed is used where there are any.
            Otherwise a convolution is timed.
    """

    def __init__(self, plan: Plan, records: Iterable[Record]) -> None:
        self.plan = plan
        self._records = list(records)

    def seconds(self, job: Job) -> float:
        """Seconds that the job may take here, to about a factor of two."""
        if job.kind == "cost":
            return COST_S
        if job.kind == "latency":
            options = job.spec["options"]
            return float(options["max_s"] + 2 * options["warmup_s"])
        has_network = job.spec["variant"]["architecture"]["upsampler"] is not None
        if has_network and job.spec["weights"]["sha256"] is None:
            return 0.0
        pixels = self._hr_pixels(tuple(job.inputs["images"]))
        macs = _macs_per_hr_pixel(job.spec["variant"]["name"], job.spec["scale"]) * pixels
        return macs / self._macs_per_second() + pixels / 1e6 * OVERHEAD_S_PER_MEGAPIXEL

    @staticmethod
    @cache
    def _hr_pixels(images: tuple[str, ...]) -> int:
        from PIL import Image

        total = 0
        for path in images:
            try:
                with Image.open(Path(path)) as image:
                    total += image.width * image.height
            except OSError:
                continue  # The job itself will say what is wrong with the file.
        return total

    def _macs_per_second(self) -> float:
        speeds = []
        for record in self._records:
            if record.kind == "quality" and record.result.get("network_seconds"):
                pixels = sum(i["hr_height"] * i["hr_width"] for i in record.result["images"])
                macs = _macs_per_hr_pixel(record.spec["variant"]["name"], record.spec["scale"])
                speeds.append(macs * pixels / record.result["network_seconds"])
        speeds = sorted(speed for speed in speeds if speed > 0)
        return speeds[len(speeds) // 2] if speeds else _convolution_macs_per_second()


@cache
def _macs_per_hr_pixel(variant: str, scale: int) -> float:
    from variants.factory import create_model

    return create_model(variant, scale).macs(64, 64) / (64 * scale) ** 2


@cache
def _convolution_macs_per_second() -> float:
    """Speed of a 64-to-64 3x3 convolution on this CPU; networks reach most of it."""
    import torch

    conv = torch.nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    source = torch.rand(1, 64, 128, 128).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        conv(source)
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < 0.3:
            conv(source)
            calls += 1
    return float(9 * 64 * 64 * 128 * 128 * calls / (time.perf_counter() - start))
