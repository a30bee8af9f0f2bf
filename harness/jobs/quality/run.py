"""Quality jobs: every image of a dataset through the protocol and the network."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.layouts import distinct_names
from harness.errors import DataError, about
from harness.images.decode import write_image
from harness.jobs.base import Job
from harness.jobs.quality.models import QualityResult, QualitySpec
from harness.jobs.quality.samples import CACHE, SampleCache, load_sample
from harness.jobs.quality.summary import summarise
from harness.metrics.protocol import Protocol
from harness.metrics.sample import Sample, compose, score
from harness.networks.load import Network, load_ready_network
from harness.networks.weights import training_of
from harness.system.files import make_folder

LOOKAHEAD = 2
"""Images prepared ahead and scored behind the network; memory is bounded by this (and by what the
cache may keep), not by n."""


def run(job: Job[QualitySpec]) -> QualityResult:
    """Every metric per image, and the means.

    Raises:
        DataError: an image is damaged or too small, or its SR image is not finite or of another
            size; the message names it.
    """
    spec = job.spec
    network = load_ready_network(spec, job.inputs.get("weights"), job.inputs.get("device", "cpu"))
    keep = image_folder(job) if spec.save_images else None
    images = [Path(path) for path in job.inputs["images"]]
    start = time.perf_counter()
    protocol, asked = spec.protocol.protocol(), tuple(spec.metrics or ())
    rows = evaluate_images(network, images, spec.scale, protocol, keep, CACHE, asked=asked)
    weights = job.inputs.get("weights")
    told = training_of(Path(weights)) if weights else {}
    return summarise(rows, time.perf_counter() - start, training=told)


def evaluate_images(
    network: Network,
    images: list[Path],
    scale: int,
    protocol: Protocol,
    keep: Path | None = None,
    cache: SampleCache | None = None,
    on_image: Callable[[], object] = lambda: None,
    asked: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Per-image rows; decoding, resizing and scoring overlap with the network.

    One thread prepares and one scores, with arithmetic that starts no threads of its own: a
    network on every processor shares with two threads, not with two per processor.
    ``network_seconds`` is the wall time of the forward passes while that goes on: on a CPU more
    than the network needs, which latency jobs measure by itself.

    Args:
        network: its output has ``scale`` times the size of its input.
        images: HR files.
        scale: H / h.
        protocol: see :mod:`harness.metrics.protocol`.
        keep: folder to keep the SR images in, as PNG.
        cache: where samples are kept for other networks. It changes no result.
        on_image: called after each image that the network has seen.
        asked: keys of metrics that are computed on request.
    """
    load = load_sample
    if cache is not None:
        cache.begin_pass()
        load = cache.load
    names = distinct_names(images)
    rows = []
    pending: deque[Future[dict[str, Any]]] = deque()
    with ThreadPoolExecutor(1) as before, ThreadPoolExecutor(1) as after:
        for path, sample in _prepared(before, images, lambda path: load(path, scale, protocol)):
            started = time.perf_counter()
            with about(path):
                output = super_resolve(network, sample)
            seconds = time.perf_counter() - started
            target = None if keep is None else keep / f"{names[path]}.png"
            pending.append(
                after.submit(_judge, path, sample, output, protocol, asked, seconds, target)
            )
            if len(pending) > LOOKAHEAD:
                rows.append(pending.popleft().result())
            on_image()
        rows += [future.result() for future in pending]
    return rows


def super_resolve(network: Network, sample: Sample) -> NDArray[np.float64]:
    """What the network makes of a sample: H x W luma or H x W x 3 RGB, float64 (not clipped).

    Raises:
        DataError: the network's output has not the HR image's size.
    """
    if network.channels == 1:
        # A copy: what a model does to its input must not reach the sample.
        array = network.luma(sample.lr_y.copy())
    else:
        array = network.rgb(sample.lr_rgb())
    if array.shape[:2] != sample.hr_y.shape:
        sizes = [f"{shape[1]}x{shape[0]}" for shape in (array.shape, sample.hr_y.shape)]
        raise DataError(f"the model gave {sizes[0]} pixels where {sizes[1]} were expected")
    return array


def image_folder(job: Job) -> Path:
    """Where a job keeps its SR images: ``RESULTS/images/<job id>/``."""
    folder = Path(job.inputs["results"]) / "images" / job.id
    make_folder(folder)
    return folder


def _prepared(
    pool: ThreadPoolExecutor, images: list[Path], load: Callable[[Path], Sample]
) -> Iterator[tuple[Path, Sample]]:
    waiting: deque[tuple[Path, Future[Sample]]] = deque()
    remaining = iter(images)
    while True:
        while len(waiting) < LOOKAHEAD and (path := next(remaining, None)) is not None:
            waiting.append((path, pool.submit(load, path)))
        if not waiting:
            return
        path, future = waiting.popleft()
        yield path, future.result()


def _judge(
    path: Path,
    sample: Sample,
    output: NDArray[np.float64],
    protocol: Protocol,
    asked: Sequence[str],
    network_seconds: float,
    target: Path | None,
) -> dict[str, Any]:
    with about(path):
        sr = compose(sample, output)
        scores = score(sample, sr, protocol, asked)
    if target is not None:
        write_image(target, sr)
    height, width = sample.hr_y.shape
    return {
        "image": path.name,
        "hr_height": height,
        "hr_width": width,
        **scores,
        "network_seconds": network_seconds,
    }
