"""Images and prepared samples by content: decoded once, resized once for several networks."""

from collections.abc import Hashable
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError, about
from harness.images.decode import read_image
from harness.jobs.quality.pass_cache import PassCache
from harness.metrics.protocol import Protocol
from harness.metrics.sample import Sample, prepare
from harness.system.files import sha256_of

SAMPLE_BYTES = 384 * 2**20
"""What all processes of a run keep together: BSDS100 at any one scale."""
IMAGE_BYTES = 128 * 2**20
"""Of decoded images, for the other scales: all test sets but Urban100, which is half of it."""


class SampleCache:
    """Keeps decoded images and prepared samples; not for several threads at once.

    Args:
        sample_bytes: how much of samples at most.
        image_bytes: how much of images at most.
    """

    def __init__(self, sample_bytes: int = SAMPLE_BYTES, image_bytes: int = IMAGE_BYTES) -> None:
        self.samples = PassCache[Sample](sample_bytes)
        self.images = PassCache[NDArray[np.uint8]](image_bytes)

    def begin_pass(self) -> None:
        """Another network begins."""
        self.samples.begin_pass()
        self.images.begin_pass()

    def load(self, path: Path, scale: int, protocol: Protocol) -> Sample:
        """As :func:`load_sample`; the arrays are read-only.

        Raises:
            DataError: the image is missing, damaged or too small; the message names it.
        """
        content = _content(path)
        key = content, scale, protocol
        sample = self.samples.get(key)
        if sample is None:
            image = self._image(content, path)
            sample = _prepare(image, path, scale, protocol)
            self.samples.keep(key, sample, _freeze(sample))
        return sample

    def share(self, processes: int) -> None:
        """Keep no more than one of so many processes may."""
        self.samples.max_bytes = SAMPLE_BYTES // processes
        self.images.max_bytes = IMAGE_BYTES // processes

    def clear(self) -> None:
        """Forget everything."""
        self.samples.clear()
        self.images.clear()

    def _image(self, content: Hashable, path: Path) -> NDArray[np.uint8]:
        image = self.images.get(content)
        if image is None:
            image = read_image(path)
            image.flags.writeable = False
            self.images.keep(content, image, image.nbytes)
        return image


CACHE = SampleCache()
"""This process's, for the jobs that it executes."""


def load_sample(path: Path, scale: int, protocol: Protocol) -> Sample:
    """Decode and prepare an image.

    Raises:
        DataError: the image is missing, damaged or too small; the message names it.
    """
    return _prepare(read_image(path), path, scale, protocol)


def _prepare(image: NDArray[np.uint8], path: Path, scale: int, protocol: Protocol) -> Sample:
    with about(path):
        return prepare(image, scale, protocol)


def _content(path: Path) -> Hashable:
    try:
        digest = sha256_of(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    # The ending decides which decoder is asked.
    return digest, path.suffix.lower()


def _freeze(sample: Sample) -> int:
    """Make the arrays read-only; returns their size in bytes."""
    size = 0
    for field in fields(sample):
        array = getattr(sample, field.name)
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
            size += array.nbytes
    return size
