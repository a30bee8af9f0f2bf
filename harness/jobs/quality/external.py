"""Score images that another program upscaled, by the protocol that our networks are held to."""

import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.datasets import Dataset
from harness.data.layouts import distinct_names, images_in, name_key
from harness.errors import ConfigError, DataError, about
from harness.images.colour import rgb_to_grey
from harness.images.decode import read_image
from harness.jobs.base import Record
from harness.jobs.quality.kind import KIND
from harness.jobs.quality.models import QualityResult, QualitySpec
from harness.jobs.quality.summary import summarise
from harness.metrics.protocol import Protocol
from harness.metrics.registry import beyond_first
from harness.metrics.sample import prepare, score
from harness.system.environment import describe
from variants.catalog import known_models

N_NAMED = 5

_HR_SUFFIX = re.compile(r"[-_. ]+(HR|GT)$|[-_. ]+SRF[-_. ]*[0-9]$", re.IGNORECASE)
_BOUNDARY = re.compile(r"[^a-z0-9]|x[0-9]", re.IGNORECASE)


def match_files(images: Sequence[Path], folder: Path) -> tuple[dict[Path, Path], dict[Path, str]]:
    """Find the SR file of every HR image by its name.

    The names may go on after the HR image's: ``baby_x4.png``, ``babyx4_SR.png`` and
    ``baby_some-model.png`` belong to ``baby.png`` and to ``baby_HR.png``; a file belongs to the
    longest HR name that it begins with. Of HR images that differ only in their endings, the ending
    is part of the name: ``a.bmp.png`` belongs to ``a.bmp``.

    Returns:
        HR file to SR file, in the order of ``images``; and, of images without an SR file or with
        more than one, why they have no place there.

    Raises:
        DataError: there is no such folder, or no image has an SR file in it; two HR names are equal
            but for case or Unicode form.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    keys = _keys(images)
    found: dict[Path, list[Path]] = defaultdict(list)
    for path in images_in(folder):
        owners = [key for key in keys if _belongs(path, key)]
        if owners:
            found[keys[max(owners, key=len)]].append(path)
    if not found:
        names = _some([path.name for path in images])
        raise DataError(f"{folder} has no image for {names}; a name must begin with the HR image's")
    pairs, problems = {}, {}
    for image in images:
        try:
            pairs[image] = _choose(image, found[image], folder)
        except DataError as error:
            problems[image] = str(error)
    return pairs, problems


def _keys(images: Sequence[Path]) -> dict[str, Path]:
    """The images by what a name of an SR file must begin with."""
    names = distinct_names(images)
    for shorten in (_without_mark, str):
        keys = {name_key(shorten(names[path])): path for path in images}
        if len(keys) == len(images):
            return keys
    twice = Counter(map(name_key, names.values()))
    alike = [names[path] for path in images if twice[name_key(names[path])] > 1]
    raise DataError(
        f"of the dataset's images, {_some(alike)} have names that are equal but for case or the "
        "way accents are stored; rename all but one, here and where they were upscaled"
    )


def _without_mark(stem: str) -> str:
    shorter = _HR_SUFFIX.sub("", stem)
    while shorter and shorter != stem:
        stem, shorter = shorter, _HR_SUFFIX.sub("", shorter)
    return stem


def _belongs(path: Path, key: str) -> bool:
    stem = name_key(path.stem)
    goes_on = stem.startswith(key) and _BOUNDARY.match(stem, len(key)) is not None
    return goes_on or key in (stem, name_key(path.name))


def _choose(image: Path, candidates: list[Path], folder: Path) -> Path:
    if not candidates:
        raise DataError(
            f"{folder} has no image for {image.name}; a name must begin with the HR image's"
        )
    for part in ("name", "stem"):
        wanted = name_key(getattr(image, part))
        same = [path for path in candidates if name_key(getattr(path, part)) == wanted]
        candidates = same or candidates
        if len(candidates) == 1:
            return candidates[0]
    names = _some([path.name for path in candidates])
    raise DataError(f"which of {names} is the upscaled {image.name}? Keep one of them.")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else ""
    return ", ".join(names[:N_NAMED]) + more


def score_file(hr_path: Path, sr_path: Path, scale: int, protocol: Protocol) -> dict[str, Any]:
    """A per-image row as a quality job has it.

    Args:
        hr_path: the HR file.
        sr_path: what another program made of its LR image.
        scale: what that was upscaled by.
        protocol: see :mod:`harness.metrics.protocol`.

    Raises:
        DataError: an image is damaged, or its size or colours are not those of its HR image.
    """
    hr = read_image(hr_path)
    with about(hr_path):
        sample = prepare(hr, scale, protocol)
    sr = _like(read_image(sr_path), sr_path, sample.hr_y.shape, hr, hr_path)
    return {
        "image": hr_path.name,
        "hr_height": sample.hr_y.shape[0],
        "hr_width": sample.hr_y.shape[1],
        **score(sample, sr, protocol),
        "network_seconds": 0.0,
    }


def _like(
    sr: NDArray[np.uint8],
    path: Path,
    shape: tuple[int, ...],
    hr: NDArray[np.uint8],
    hr_path: Path,
) -> NDArray[np.uint8] | NDArray[np.float64]:
    """The SR image in the form of its HR image, or a DataError that says how they differ.

    Grey is compared with grey: of an SR image in colour its luma counts. Grey stands for three
    equal channels where those of the HR image are equal.
    """
    if sr.shape[:2] != shape:
        raise DataError(
            f"{path} has {sr.shape[1]}x{sr.shape[0]} pixels where {shape[1]}x{shape[0]} are "
            f"expected: {hr_path.name}, cropped at the bottom and right to a multiple of the scale"
        )
    if sr.ndim == hr.ndim:
        return sr
    if hr.ndim == 2:
        # Many programs write grey images as RGB with three equal channels.
        return sr[..., 0] if (sr == sr[..., :1]).all() else full_range_luma(sr)
    if (hr == hr[..., :1]).all():
        return np.dstack([sr] * 3)
    raise DataError(f"{path} is grey, and its HR image {hr_path.name} is in colour")


def full_range_luma(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Luma of an 8-bit RGB image as a grey image has it: BT.601 over the full range, not rounded.

    Args:
        rgb: H x W x 3.

    Returns:
        H x W, in [0, 1]: (0.299 R + 0.587 G + 0.114 B) / 255.
    """
    return np.clip(rgb_to_grey(rgb / 255.0), 0, 1)


def score_folder(
    folder: Path,
    dataset: Dataset,
    scale: int,
    name: str,
    protocol: Protocol,
    on_image: Callable[[], object] = lambda: None,
) -> Record[QualitySpec, QualityResult]:
    """Score a folder of SR images into the record of a quality job.

    A mean is over all images of the dataset or there is none: where some cannot be scored, the
    record is a failed one, whose ``left`` has the rows of the others (``images``) and the reasons
    by name (``missing``).

    Args:
        folder: holds one SR image per image of the dataset.
        dataset: the HR images.
        scale: what they were upscaled by.
        name: what tables call the other program; none of our variants' names.
        protocol: see :mod:`harness.metrics.protocol`.
        on_image: called after each image.

    Raises:
        ConfigError: the name is taken or empty.
        DataError: as :func:`match_files`; or an HR image cannot be read.
    """
    if not name.strip():
        raise ConfigError("--name must not be empty")
    if name in known_models():
        raise ConfigError(f"{name!r} is a variant of this harness; choose another --name")
    started, clock = datetime.now(UTC), time.perf_counter()
    pairs, problems = match_files(dataset.images, folder)
    rows = []
    for hr_path, sr_path in pairs.items():
        try:
            rows.append(score_file(hr_path, sr_path, scale, protocol))
        except DataError as error:
            problems[hr_path] = str(error)
        on_image()
    files = Dataset(name, folder, tuple(path for path in pairs.values() if _readable(path)))
    architecture = {"external": True, "sha256": files.fingerprint()}
    spec = {
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
        **beyond_first(protocol),
    }
    seconds = time.perf_counter() - clock
    missing = {path.name: problems[path] for path in dataset.images if path in problems}
    reason = None
    if missing:
        which = "; ".join(list(missing.values())[:N_NAMED])
        more = f"; and {len(missing) - N_NAMED} more" if len(missing) > N_NAMED else ""
        reason = (
            f"{len(missing)} of {len(dataset.images)} images could not be scored, and a mean over "
            f"the others is none of {dataset.name}: {which}{more}"
        )
    job = KIND.job(spec)
    return Record(
        id=job.id,
        kind=job.kind,
        spec=job.spec,
        status="failed" if missing else "done",
        reason=reason,
        result=None if missing else summarise(rows, seconds),
        started=started.isoformat(),
        seconds=seconds,
        environment=describe("cpu"),
        left={"missing": missing, "images": rows} if missing else {},
    )


def _readable(path: Path) -> bool:
    return os.access(path, os.R_OK)
