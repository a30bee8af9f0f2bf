"""Crops that a run saved: read, checked, and put together per image.

A ``pictures`` record belongs to one variant, scale and dataset, like a quality record. Its
``result["crops"]`` is a list of::

    {"image": "baby.png",                  # the image's name, foreign text
     "why": "fixed" | "largest difference",
     "box": [top, left, height, width],    # in HR pixels
     "psnr_y": 31.2,                       # of the whole image, in dB
     "crop_psnr_y": 30.4,                  # of the crop, in dB
     "files": {"hr": "pictures/x-hr.png",  # paths inside the results folder
               "sr": "pictures/x-sr.png",
               "error": "pictures/x-error.png"},
     "error_max": 0.25}                    # |SR - HR| of Y at the end of the error map's scale

Crops of one image, box, scale and dataset stand together, whatever the variant. ``error``,
``error_max`` and ``crop_psnr_y`` may be missing. A file that lies outside the results folder, is
no PNG, WebP or JPEG image, or is larger than ``LARGEST`` is left out, with a note.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.jobs.base import Record
from harness.jobs.pictures.kind import KIND as PICTURES
from harness.jobs.pictures.models import PicturesSpec
from harness.report.crops import Group, Picture, Pictures, Shot
from harness.report.rows import ReportRow
from harness.system.files import read_regular
from harness.system.stored import as_number

LARGEST = 2_000_000
"""Bytes of one picture."""

Key = tuple[int, str, str, tuple[int, ...]]
"""Scale, dataset, image and box: what belongs together."""

_KINDS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}


def read_pictures(
    folder: Path, records: Iterable[Record], order: Sequence[ReportRow], protocol: str
) -> Pictures:
    """Crops of all ``pictures`` records, grouped.

    Args:
        folder: the results folder, which no file may leave.
        records: of any kinds.
        order: of the rows, as in the tables.
        protocol: of the report; records of others are left out.
    """
    problems: list[str] = []
    found: dict[Key, dict[ReportRow, tuple[str, Picture, Shot]]] = {}
    cache: dict[str, Picture] = {}
    for record in PICTURES.records(records):
        if record.result is None or record.spec.protocol.name != protocol:
            continue
        for crop in record.result.crops:
            try:
                key, why, hr, shot = _read(folder, record.spec, crop, cache)
            except (
                LookupError,
                TypeError,
                ArithmeticError,
                ValueError,
                AttributeError,
                OSError,
            ) as error:
                problems.append(f"a picture of {record.id} was left out: {_reason(error)}")
                continue
            found.setdefault(key, {})[shot.row] = (why, hr, shot)
    # Equal rows may be titled otherwise: the pictures' names are those of the tables.
    known = {row: row for row in order}
    places = {row: number for number, row in enumerate(order)}
    groups = []
    for (scale, dataset, image, box), shots in found.items():
        rows = sorted(shots.values(), key=lambda item: places.get(item[2].row, len(places)))
        why, hr, _ = rows[0]
        top, left, height, width = box
        groups.append(
            Group(
                scale,
                dataset,
                image,
                why,
                (top, left, height, width),
                hr,
                [replace(shot, row=known.get(shot.row, shot.row)) for _, _, shot in rows],
            )
        )
    return Pictures(groups, problems)


def _read(
    folder: Path, spec: PicturesSpec, crop: Mapping[str, Any], cache: dict[str, Picture]
) -> tuple[Key, str, Picture, Shot]:
    box = tuple(int(value) for value in crop["box"])
    if len(box) != 4:
        raise ValueError("its box has not four numbers")
    files = crop["files"]
    error = files.get("error")
    end = as_number(crop.get("error_max"))
    shot = Shot(
        row=ReportRow.of(spec),
        psnr_y=as_number(crop.get("psnr_y")),
        crop_psnr_y=as_number(crop.get("crop_psnr_y")),
        sr=load(folder, files["sr"], cache),
        error=None if error is None else load(folder, error, cache),
        error_max=end if end is not None and math.isfinite(end) else None,
    )
    key = (spec.scale, spec.dataset.name, str(crop["image"]), box)
    return key, str(crop.get("why") or ""), load(folder, files["hr"], cache), shot


def load(folder: Path, name: str, cache: dict[str, Picture]) -> Picture:
    """A picture inside the results folder.

    Raises:
        ValueError: it lies outside, or is no picture.
        OSError: it cannot be read, or is too large.
    """
    if name not in cache:
        root = folder.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise ValueError(f"{name} lies outside the results folder")
        content = read_regular(path, LARGEST)
        kind = next((kind for head, kind in _KINDS.items() if content.startswith(head)), None)
        if kind is None or (kind == "webp" and content[8:12] != b"WEBP"):
            raise ValueError(f"{name} is no PNG, WebP or JPEG image")
        cache[name] = Picture(content, kind)
    return cache[name]


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        # Reports travel; where this machine keeps its results is for its user alone.
        name = Path(str(error.filename)).name
        return f"{name} cannot be read ({error.strerror})"
    return f"{type(error).__name__}: {error}"
