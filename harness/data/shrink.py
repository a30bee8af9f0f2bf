"""LR images as files, for programs whose results are to be scored here, and a note about them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from harness.data.datasets import Dataset
from harness.data.layouts import distinct_names
from harness.errors import DataError, about
from harness.images.decode import read_image, write_image
from harness.metrics.protocol import PROTOCOLS, Protocol
from harness.metrics.sample import shrunk
from harness.system.files import read_json, write_json
from harness.system.stored import Name, Part

NOTE = "lr.json"


class LrNote(Part):
    """What LR images are: ``lr.json`` in their folder.

    Attributes:
        protocol: name of the protocol whose LR images they are.
        protocol_version: its version.
        scale: what they were shrunk by.
        dataset: name of the HR images.
        hr_sha256: of :meth:`harness.data.datasets.Dataset.fingerprint`.
        files: how the samples are stored, in words.
    """

    protocol: Name
    protocol_version: int
    scale: int
    dataset: Name
    hr_sha256: Name
    files: Name

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The note of a folder; None if it has none.

        Raises:
            DataError: there is one that cannot be read, or of a protocol that is not known here.
        """
        path = folder / NOTE
        try:
            note = cls.model_validate(read_json(path))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, ValidationError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no note of `data shrink`"
            raise DataError(f"cannot read {path}: {why}") from error
        known = PROTOCOLS.get(note.protocol)
        if known is None or known.version != note.protocol_version:
            raise DataError(
                f"{path} is of the protocol {note.protocol} (version {note.protocol_version}), "
                "which is not known here; shrink the images anew"
            )
        return note

    def check(self, dataset: Dataset, scale: int, folder: Path) -> None:
        """DataError unless the images in ``folder`` were made of this dataset, at this scale."""
        if self.scale != scale:
            raise DataError(
                f"{folder / NOTE} is of images shrunk {self.scale} times, not {scale} times"
            )
        if self.hr_sha256 != dataset.fingerprint():
            raise DataError(
                f"{folder / NOTE} is of other HR images ({self.dataset}) than those of "
                f"{dataset.name} here"
            )


def shrink(
    hr: NDArray[np.uint8], scale: int, protocol: Protocol
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """The LR image of a protocol as a file holds it.

    Args:
        hr: H x W or H x W x 3; cropped at the bottom and right to a multiple of the scale.
        scale: 2, 4 or 8.
        protocol: see :mod:`harness.metrics.protocol`.

    Returns:
        uint8 where the protocol rounds LR; else float32, in [0, 1] but for what bicubic
        interpolation overshoots.

    Raises:
        DataError: the image is smaller than one LR pixel.
    """
    height, width = (n - n % scale for n in hr.shape[:2])
    if not height or not width:
        raise DataError(f"an image of {hr.shape[1]}x{hr.shape[0]} pixels is too small for {scale}x")
    lr = shrunk(hr[:height, :width], scale, protocol)
    return np.rint(lr * 255).astype(np.uint8) if protocol.round_lr else lr.astype(np.float32)


def write_lr(
    dataset: Dataset,
    scale: int,
    protocol: Protocol,
    folder: Path,
    on_image: Callable[[], object] = lambda: None,
) -> list[str]:
    """Write the LR image of every HR image under the same name, and a note about them.

    They are PNG where the protocol rounds LR, else TIFF. Of images that differ only in their
    endings, these are kept in the name: ``a.bmp.png``.

    Returns:
        A sentence for each image that is damaged or too small, or whose LR image cannot be
        written; the others are written all the same.

    Raises:
        DataError: an image would be written onto an HR image.
        OSError: the folder cannot be made, or the note not be written.
    """
    suffix, files = (
        (".png", "8-bit PNG, rounded and clipped")
        if protocol.round_lr
        else (".tif", "float32 TIFF, 0 is black and 1 is white, neither rounded nor clipped")
    )
    names = distinct_names(dataset.images)
    targets = [folder / f"{names[path]}{suffix}" for path in dataset.images]
    if set(map(os.path.realpath, targets)) & set(map(os.path.realpath, dataset.images)):
        raise DataError(f"{folder} holds the HR images themselves; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for path, target in zip(dataset.images, targets, strict=True):
        try:
            hr = read_image(path)
            with about(path):
                lr = shrink(hr, scale, protocol)
            write_image(target, lr)
        except DataError as error:
            failures.append(str(error))
        except OSError as error:
            failures.append(f"cannot write {target}: {error.strerror or error}")
        on_image()
    note = LrNote(
        protocol=protocol.name,
        protocol_version=protocol.version,
        scale=scale,
        dataset=dataset.name,
        hr_sha256=dataset.fingerprint(),
        files=files,
    )
    write_json(folder / NOTE, note.stored())
    return failures
