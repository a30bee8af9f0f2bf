"""Prepared samples by content, so that several networks need not decode and resize again."""

import hashlib
from collections.abc import Hashable
from dataclasses import fields
from pathlib import Path

import numpy as np

from harness.data.images import read_image
from harness.errors import DataError
from harness.measure.quality import Sample, prepare
from harness.protocols import Protocol

CACHE_BYTES = 512 * 2**20
"""What all processes of a run keep together: BSDS100 at any one scale."""


class SampleCache:
    """Keeps samples up to a number of bytes; not for several threads at once.

    Networks go through the same images in the same order. Where those are too many, dropping the
    least recently used would drop each just before it is needed again, so what the present pass
    has used stays, and further samples are not kept.

    Attributes:
        max_bytes: how much is kept at most.
        bytes: how much is kept.
        hits: how often a sample was there.
    """

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self.max_bytes, self.bytes, self.hits = max_bytes, 0, 0
        self._samples: dict[Hashable, Sample] = {}
        self._used: set[Hashable] = set()

    def begin_pass(self) -> None:
        """Another network begins: samples of earlier passes may now give way."""
        self._used.clear()

    def load(self, path: Path, scale: int, protocol: Protocol) -> Sample:
        """As :func:`load_sample`; the arrays are read-only.

        Raises:
            DataError: the image is missing, damaged or too small; the message names it.
        """
        key = _key(path, scale, protocol)
        sample = self._samples.get(key)
        if sample is None:
            sample = load_sample(path, scale, protocol)
            self._keep(key, sample)
        else:
            self.hits += 1
        self._used.add(key)
        return sample

    def clear(self) -> None:
        """Forget everything."""
        self._samples.clear()
        self._used.clear()
        self.bytes = 0

    def _keep(self, key: Hashable, sample: Sample) -> None:
        size = _freeze(sample)
        if size > self.max_bytes:
            return
        for old in [key for key in self._samples if key not in self._used]:
            if self.bytes + size <= self.max_bytes:
                break
            self.bytes -= _freeze(self._samples.pop(old))
        if self.bytes + size <= self.max_bytes:
            self._samples[key] = sample
            self.bytes += size


CACHE = SampleCache()
"""This process's, for the jobs that it executes."""


def load_sample(path: Path, scale: int, protocol: Protocol) -> Sample:
    """Decode and prepare an image.

    Raises:
        DataError: the image is missing, damaged or too small; the message names it.
    """
    try:
        return prepare(read_image(path), scale, protocol)
    except DataError as error:
        raise DataError(str(error) if path.name in str(error) else f"{path}: {error}") from error


def _key(path: Path, scale: int, protocol: Protocol) -> Hashable:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    # The ending decides which decoder is asked.
    return digest, path.suffix.lower(), scale, protocol


def _freeze(sample: Sample) -> int:
    """Make the arrays read-only; returns their size in bytes."""
    size = 0
    for field in fields(sample):
        array = getattr(sample, field.name)
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
            size += array.nbytes
    return size
