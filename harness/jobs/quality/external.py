"""Score images that another program upscaled, by the protocol that our networks are held to."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.datasets import Dataset
from harness.data.layouts import images_in
from harness.errors import ConfigError, DataError
from harness.images.decode import read_image
from harness.jobs.base import Job, Record
from harness.metrics.protocol import Protocol
from harness.metrics.quality import Scores, prepare, score
from harness.system.environment import describe
from variants.catalog import list_models

ALGORITHM = 1
N_NAMED = 5

_HR_SUFFIX = re.compile(r"[-_. ]+(HR|GT)$|[-_. ]+SRF[-_. ]*[0-9]$", re.IGNORECASE)
_BOUNDARY = re.compile(r"[^a-z0-9]|x[0-9]", re.IGNORECASE)


def match_files(images: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Find the SR file of every HR image by its name.

    The names may go on after the HR image's: ``baby_x4.png``, ``babyx4_SR.png`` and
    ``baby_some-model.png`` belong to ``baby.png`` and to ``baby_HR.png``; a file belongs to the
    longest HR name that it begins with.

    Raises:
        DataError: there is no such folder; images without an SR file or with more than one.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    keys = {_key(path): path for path in images}
    if len(keys) != len(images):
        raise DataError("two images of the dataset have the same name but for their endings")
    found: dict[Path, list[Path]] = defaultdict(list)
    for path in images_in(folder):
        stem = path.stem.casefold()
        owners = [key for key in keys if _belongs(stem, key)]
        if owners:
            found[keys[max(owners, key=len)]].append(path)
    missing = [path.name for path in images if path not in found]
    if missing:
        raise DataError(
            f"{folder} has no image for {_some(missing)}; a name must begin with the HR image's"
        )
    return {path: _choose(path, found[path]) for path in images}


def _key(path: Path) -> str:
    stem, shorter = path.stem, _HR_SUFFIX.sub("", path.stem)
    while shorter and shorter != stem:
        stem, shorter = shorter, _HR_SUFFIX.sub("", shorter)
    return stem.casefold()


def _belongs(stem: str, key: str) -> bool:
    return stem == key or (stem.startswith(key) and _BOUNDARY.match(stem, len(key)) is not None)


def _choose(image: Path, candidates: list[Path]) -> Path:
    if len(candidates) == 1:
        return candidates[0]
    same = [path for path in candidates if path.stem.casefold() == image.stem.casefold()]
    if len(same) != 1:
        names = _some([path.name for path in candidates])
        raise DataError(f"which of {names} is the upscaled {image.name}? Keep one of them.")
    return same[0]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else ""
    return ", ".join(names[:N_NAMED]) + more


def score_files(
    pairs: dict[Path, Path],
    scale: int,
    protocol: Protocol,
    on_image: Callable[[], object] = lambda: None,
) -> list[dict[str, Any]]:
    """Per-image rows as a quality job has them.

    Args:
        pairs: HR file to SR file.
        scale: what the SR images were upscaled by.
        protocol: see :mod:`harness.metrics.protocol`.
        on_image: called after each image.

    Raises:
        DataError: an image is damaged, or its size or colours are not those of its HR image.
    """
    rows = []
    for hr_path, sr_path in pairs.items():
        hr = read_image(hr_path)
        try:
            sample = prepare(hr, scale, protocol)
        except DataError as error:
            raise DataError(f"{hr_path}: {error}") from error
        sr = _like(read_image(sr_path), sr_path, sample.hr_y.shape, hr.ndim, hr_path)
        figures = score(sample, sr, protocol)
        rows.append(
            {
                "image": hr_path.name,
                "hr_height": sample.hr_y.shape[0],
                "hr_width": sample.hr_y.shape[1],
                **asdict(figures),
                "network_seconds": 0.0,
            }
        )
        on_image()
    return rows


def _like(
    sr: NDArray[np.uint8], path: Path, shape: tuple[int, ...], n_dimensions: int, hr_path: Path
) -> NDArray[np.uint8]:
    """The SR image in the form of its HR image, or a DataError that says how they differ."""
    if sr.shape[:2] != shape:
        raise DataError(
            f"{path} has {sr.shape[1]}x{sr.shape[0]} pixels where {shape[1]}x{shape[0]} are "
            f"expected: {hr_path.name}, cropped at the bottom and right to a multiple of the scale"
        )
    if sr.ndim == n_dimensions:
        return sr
    # Many programs write grey images as RGB with three equal channels.
    if n_dimensions == 2 and (sr == sr[..., :1]).all():
        return sr[..., 0]
    kinds = {2: "grey", 3: "in colour"}
    raise DataError(
        f"{path} is {kinds[sr.ndim]}, and its HR image {hr_path.name} is {kinds[n_dimensions]}"
    )


def score_folder(
    folder: Path,
    dataset: Dataset,
    scale: int,
    name: str,
    protocol: Protocol,
    on_image: Callable[[], object] = lambda: None,
) -> Record:
    """Score a folder of SR images into the record of a quality job.

    Args:
        folder: holds one SR image per image of the dataset.
        dataset: the HR images.
        scale: what they were upscaled by.
        name: what tables call the other program; none of our variants' names.
        protocol: see :mod:`harness.metrics.protocol`.
        on_image: called after each image.

    Raises:
        ConfigError: the name is taken or empty.
        DataError: as :func:`match_files` and :func:`score_files`.
    """
    if not name.strip():
        raise ConfigError("--name must not be empty")
    if name in list_models():
        raise ConfigError(f"{name!r} is a variant of this harness; choose another --name")
    started, clock = datetime.now(UTC), time.perf_counter()
    pairs = match_files(dataset.images, folder)
    files = Dataset(name, folder, tuple(pairs.values()))
    rows = score_files(pairs, scale, protocol, on_image)
    architecture = {"external": True, "sha256": files.fingerprint()}
    spec = {
        "algorithm": ALGORITHM,
        "variant": {
            "name": name,
            "label": name,
            "paper_row": None,
            "architecture": architecture,
        },
        "scale": scale,
        "weights": {
            "label": "external",
            "sha256": None,
            "origin": "images scored from files",
        },
        "dataset": {
            "name": dataset.name,
            "n_images": len(dataset.images),
            "sha256": dataset.fingerprint(),
        },
        "protocol": protocol.as_dict(),
        "dtype": "uint8",
        "backend": "files",
    }
    seconds = time.perf_counter() - clock
    result = {
        "n_images": len(rows),
        **{f.name: float(np.mean([row[f.name] for row in rows])) for f in fields(Scores)},
        "network_seconds": 0.0,
        "total_seconds": seconds,
        "images": rows,
    }
    return Record(
        id=Job("quality", spec).id,
        kind="quality",
        spec=spec,
        status="done",
        reason=None,
        result=result,
        started=started.isoformat(),
        seconds=seconds,
        environment=describe("cpu"),
    )
