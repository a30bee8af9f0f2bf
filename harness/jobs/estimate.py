"""How long a job will take: its MACs over this machine's speed."""

import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from harness.jobs.base import Job, Record
from harness.jobs.cost.kind import KIND as COST
from harness.jobs.quality.kind import KIND as QUALITY
from harness.jobs.specs import ImagesSpec
from harness.networks.brought import use_inputs
from variants.catalog import known_models

JOB_S = 0.1
"""Building a network and loading its weights."""
OVERHEAD_S_PER_MEGAPIXEL = 0.1
"""Decoding, resizing and scoring, with no network at all."""
OVERHEAD_MACS_PER_PIXEL = 10_000
"""The same in terms of a network's work: 100 ns at 100 GMAC/s."""


class Estimator:
    """Estimates jobs.

    Args:
        records: earlier records of this folder; their costs and their speed are used where there
            are any. Otherwise a network is built and a convolution is timed.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = [record for record in records if record.status == "done"]
        self._known_macs = {
            (r.spec.variant.name, r.spec.scale): r.result.macs
            / (r.spec.hr_height * r.spec.hr_width)
            for r in COST.records(self._records)
            if r.result is not None
        }

    def seconds(self, job: Job) -> float:
        """Seconds that the job may take here, to about a factor of two."""
        spec = job.spec
        if not isinstance(spec, ImagesSpec):
            return spec.estimated_s()
        if spec.lacks_weights:
            return 0.0
        pixels, macs = self._pixels_and_macs(job)
        in_network = macs / self._macs_per_second(spec.dtype, spec.backend)
        return JOB_S + in_network + pixels / 1e6 * OVERHEAD_S_PER_MEGAPIXEL

    def longest_first(self, jobs: Iterable[Job]) -> list[Job]:
        """Jobs in an order in which several workers finish at about the same time.

        Those that take no images come first, as they came. Jobs on the same images at the same
        scale stay together, so that a worker that keeps prepared images can use them again; the
        sets go by their longest job.
        """

        def images(job: Job) -> tuple[str, int, str]:
            spec = job.spec
            assert isinstance(spec, ImagesSpec)
            return spec.dataset.sha256 or spec.dataset.name, spec.scale, spec.protocol.name

        jobs = list(jobs)
        on_images = [job for job in jobs if isinstance(job.spec, ImagesSpec)]
        for job in on_images:
            use_inputs(job.inputs)
        work = {job.id: self._work(job) for job in on_images}
        longest: dict[tuple[str, int, str], float] = {}
        for job in on_images:
            longest[images(job)] = max(longest.get(images(job), 0.0), work[job.id])
        on_images.sort(key=lambda job: (-longest[images(job)], images(job), -work[job.id], job.id))
        return [job for job in jobs if not isinstance(job.spec, ImagesSpec)] + on_images

    def _work(self, job: Job) -> float:
        """What a job on images takes, in MACs."""
        if job.spec.lacks_weights:
            return 0.0
        try:
            pixels, macs = self._pixels_and_macs(job)
        except Exception:  # The job itself will say what is wrong with its network.
            return 0.0
        return macs + pixels * OVERHEAD_MACS_PER_PIXEL

    def _pixels_and_macs(self, job: Job) -> tuple[int, float]:
        pixels = _hr_pixels(tuple(job.inputs["images"]))
        return pixels, pixels * self._macs_per_pixel(job.spec.variant.name, job.spec.scale)

    def _macs_per_pixel(self, variant: str, scale: int) -> float:
        known = self._known_macs.get((variant, scale))
        return _counted_macs_per_pixel(variant, scale) if known is None else known

    def _macs_per_second(self, dtype: str, backend: str) -> float:
        """The median over earlier quality jobs: of those that ran the same way, if there are."""
        speeds: dict[bool, list[float]] = {True: [], False: []}
        for record in QUALITY.records(self._records):
            spec, result = record.spec, record.result
            if result is None or spec.variant.name not in known_models():
                continue
            sizes = [(i.hr_height or 0) * (i.hr_width or 0) for i in result.images or ()]
            macs = sum(sizes) * self._macs_per_pixel(spec.variant.name, spec.scale)
            if macs and result.network_seconds:
                alike = (spec.dtype, spec.backend) == (dtype, backend)
                speeds[alike].append(macs / result.network_seconds)
        known = sorted(speeds[True] or speeds[False])
        return known[len(known) // 2] if known else _convolution_macs_per_second()


@cache
def _hr_pixels(images: tuple[str, ...]) -> int:
    """Pixels of HR images, in the size that their files tell."""
    from harness.images.decode import image_size

    total = 0
    for path in images:
        try:
            width, height = image_size(Path(path))
        except OSError:
            continue  # The job itself will say what is wrong with the file.
        total += width * height
    return total


@cache
def _counted_macs_per_pixel(variant: str, scale: int) -> float:
    """MACs per HR pixel."""
    from variants.build import build
    from variants.catalog import get_variant

    return build(get_variant(variant), scale).macs(64, 64) / (64 * scale) ** 2


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
