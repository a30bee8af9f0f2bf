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

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.jobs.base import Record
from harness.report.model import Entrant
from harness.report.read import figure, read_entrant
from harness.report.text import number

LARGEST = 2_000_000
"""Bytes of one picture."""

ROOM = 3_500_000
"""Bytes of pictures in one page: as text they are a third more."""

Key = tuple[int, str, str, tuple[int, ...]]
"""Scale, dataset, image and box: what belongs together."""

_KINDS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}


@dataclass(frozen=True)
class Picture:
    """One image file, as bytes."""

    content: bytes = field(repr=False)
    kind: str

    @property
    def path(self) -> str:
        """Where a report keeps it: named by its content, never by foreign text."""
        digest = hashlib.sha256(self.content).hexdigest()[:16]
        return f"pictures/{digest}.{'jpg' if self.kind == 'jpeg' else self.kind}"


@dataclass(frozen=True)
class Shot:
    """What one row makes of a crop: PSNR of the whole image and of the crop, in dB."""

    entrant: Entrant
    psnr_y: float | None
    crop_psnr_y: float | None
    sr: Picture
    error: Picture | None
    error_max: float | None

    @property
    def captions(self) -> list[str]:
        """The PSNR of the crop and of the image, where they are known."""
        known = {"crop": self.crop_psnr_y, "image": self.psnr_y}
        return [f"{name} {number(v, 2)} dB" for name, v in known.items() if v is not None]


@dataclass(frozen=True)
class Group:
    """One crop of one image: HR and what each row makes of it.

    Attributes:
        why: how the image was chosen.
        box: top, left, height, width in HR pixels.
    """

    scale: int
    dataset: str
    image: str
    why: str
    box: tuple[int, int, int, int]
    hr: Picture
    shots: Sequence[Shot]

    @property
    def columns(self) -> list[tuple[str, str, str]]:
        """Name, picture and error map (or nothing) of HR and of each row, as paths of a report."""
        rows = [(shot.entrant.title, shot.sr.path, shot.error) for shot in self.shots]
        found = [(name, sr, error.path if error else "") for name, sr, error in rows]
        return [("HR", self.hr.path, ""), *found]

    @property
    def captions(self) -> list[str]:
        """What stands under each column."""
        return ["", *(", ".join(shot.captions) for shot in self.shots)]

    @property
    def pictures(self) -> list[Picture]:
        """All of them."""
        maps = [shot.error for shot in self.shots if shot.error is not None]
        return [self.hr, *(shot.sr for shot in self.shots), *maps]

    @property
    def size(self) -> int:
        """Bytes of its pictures."""
        return sum(len(picture.content) for picture in self.pictures)

    @property
    def error_scale(self) -> str:
        """What the error maps of this group share, in words; empty without maps."""
        ends = {shot.error_max for shot in self.shots if shot.error is not None}
        if len(ends) == 1 and (end := ends.pop()) is not None:
            return (
                f"Error maps: |SR \u2212 HR| of Y, black is 0, the brightest {end:g} of the peak."
            )
        return "Error maps: of differing scales, do not compare them." if ends else ""


@dataclass(frozen=True)
class Pictures:
    """All groups that can be shown, and what could not be."""

    groups: Sequence[Group] = ()
    problems: Sequence[str] = ()


def read_pictures(
    folder: Path, records: Iterable[Record], order: Sequence[Entrant], protocol: str
) -> Pictures:
    """Crops of all ``pictures`` records, grouped.

    Args:
        folder: the results folder, which no file may leave.
        records: of any kinds.
        order: of the rows, as in the tables.
        protocol: of the report; records of others are left out.
    """
    problems: list[str] = []
    found: dict[Key, dict[Entrant, tuple[str, Picture, Shot]]] = {}
    cache: dict[str, Picture] = {}
    for record in records:
        if record.kind != "pictures" or record.status != "done":
            continue
        if record.spec["protocol"]["name"] != protocol:
            continue
        for crop in record.result.get("crops") or ():
            try:
                key, why, hr, shot = _read(folder, record.spec, crop, cache)
            except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
                problems.append(f"a picture of {record.id} was left out: {_reason(error)}")
                continue
            found.setdefault(key, {})[shot.entrant] = (why, hr, shot)
    places = {entrant: number for number, entrant in enumerate(order)}
    groups = []
    for (scale, dataset, image, box), shots in found.items():
        rows = sorted(shots.values(), key=lambda item: places.get(item[2].entrant, len(places)))
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
                [shot for _, _, shot in rows],
            )
        )
    return Pictures(groups, problems)


def fitting(pictures: Pictures, room: int = ROOM) -> Pictures:
    """Those groups that fit into a page, fairly shared among scales and datasets.

    Args:
        pictures: all of them.
        room: bytes of all pictures together, before they are written as text.
    """
    turns: dict[tuple[int, str], int] = {}
    ranked = []
    for group in pictures.groups:
        turn = turns[group.scale, group.dataset] = turns.get((group.scale, group.dataset), 0) + 1
        ranked.append((turn, group))
    kept: set[int] = set()
    for _, group in sorted(ranked, key=lambda item: item[0]):
        if group.size <= room:
            room -= group.size
            kept.add(id(group))
    left_out = len(pictures.groups) - len(kept)
    problems = list(pictures.problems)
    if left_out:
        problems.append(
            f"{left_out} of {len(pictures.groups)} crops are left out of this page to keep it "
            "small; they lie in the results folder."
        )
    return Pictures([group for group in pictures.groups if id(group) in kept], problems)


def _read(
    folder: Path, spec: Mapping[str, Any], crop: Mapping[str, Any], cache: dict[str, Picture]
) -> tuple[Key, str, Picture, Shot]:
    box = tuple(int(value) for value in crop["box"])
    if len(box) != 4:
        raise ValueError("its box has not four numbers")
    files = crop["files"]
    error = files.get("error")
    end = figure(crop.get("error_max"))
    shot = Shot(
        entrant=read_entrant(spec),
        psnr_y=figure(crop.get("psnr_y")),
        crop_psnr_y=figure(crop.get("crop_psnr_y")),
        sr=load(folder, files["sr"], cache),
        error=None if error is None else load(folder, error, cache),
        error_max=end if end is not None and math.isfinite(end) else None,
    )
    key = (int(spec["scale"]), str(spec["dataset"]["name"]), str(crop["image"]), box)
    return key, str(crop.get("why") or ""), load(folder, files["hr"], cache), shot


def load(folder: Path, name: str, cache: dict[str, Picture]) -> Picture:
    """A picture inside the results folder.

    Raises:
        ValueError: it lies outside, is no picture, or is too large.
        OSError: it cannot be read.
    """
    if name not in cache:
        root = folder.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise ValueError(f"{name} lies outside the results folder")
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{name} is larger than {LARGEST:,} bytes")
        content = path.read_bytes()
        kind = next((kind for head, kind in _KINDS.items() if content.startswith(head)), None)
        if kind is None or (kind == "webp" and content[8:12] != b"WEBP"):
            raise ValueError(f"{name} is no PNG, WebP or JPEG image")
        cache[name] = Picture(content, kind)
    return cache[name]


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename} cannot be read ({error.strerror})"
    return f"{type(error).__name__}: {error}"
