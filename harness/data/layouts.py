"""Where the HR images lie inside a dataset's folder: the layouts in common use."""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import DataError
from harness.images import SUFFIXES
from harness.system.text import by_numbers


@dataclass(frozen=True)
class Layout:
    """One way to lay out a dataset.

    Attributes:
        folder: below the dataset's folder, matched without regard to case; empty for itself.
        only_marked: whether only files that name themselves HR count.
    """

    folder: str = ""
    only_marked: bool = False

    def __str__(self) -> str:
        pattern = "*HR*" if self.only_marked else "*"
        return f"{self.folder}/{pattern}" if self.folder else pattern


LAYOUTS = (
    Layout(),
    Layout("HR"),
    Layout("original"),  # BasicSR's unmodified images.
    Layout("GT"),
    Layout("GTmod12"),  # BasicSR: cropped to multiples of 12.
    # SelfExSR's: HR beside LR, HR cropped to a multiple of the scale, so the least crop first.
    *(Layout(f"image_SRF_{scale}", only_marked=True) for scale in (2, 4, 8, 3)),
)
"""In order of preference where several hold the full number of images."""

_OTHER_SUFFIX = re.compile(
    r"\.(apng|avif|dib|dng|exr|gif|hdr|heic|heif|ico|jfif|jif|jp2|jpe|j2k|jxl|nef|pbm|pcx|pgm|pnm|"
    r"ppm|psd|raw|tga)"
)
"""Of images, too, but not read: such files are left out of a dataset, and said to be."""

_HR_MARK = re.compile(r"^(.*?[a-z0-9)])[-_.]+(?:HR|GT)(?![a-z])", re.IGNORECASE)
_WORD_MARK = re.compile(
    r"^(.*?[a-z0-9)])[-_. ]+(?:LR|SR|bic|bicubic|nearest)(?![a-z])", re.IGNORECASE
)
_SCALE_MARK = re.compile(r"^(.*?[a-z0-9)])[-_. ]*x[2348](?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class Listing:
    """What is in a folder of images.

    Attributes:
        images: in natural order.
        left_out: name and reason of each file that looks like an image and is none of them.
    """

    images: tuple[Path, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


def distinct_names(images: Iterable[Path]) -> dict[Path, str]:
    """What to call the images of one folder where their endings are changed.

    Their stems; all of their names, endings included, if two stems are equal but for case or
    Unicode form, as of ``a.png`` and ``a.bmp``.
    """
    images = list(images)
    stems = {name_key(path.stem) for path in images}
    alone = len(stems) == len(images)
    return {path: path.stem if alone else path.name for path in images}


def name_key(name: str) -> str:
    """What two names have in common that people or file systems take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def natural_key(path: Path) -> tuple[list[tuple[int, str]], int, str]:
    """Sort ``t2.png`` before ``t10.png``; no two names are equal, so no disk's order shows."""
    return by_numbers(name_key(path.name)), len(path.name), path.name


def images_in(folder: Path) -> list[Path]:
    """All image files directly in a folder, hidden ones aside, in natural order.

    Raises:
        DataError: the folder cannot be listed.
    """
    return list(files_in(folder).images)


def files_in(folder: Path) -> Listing:
    """As :func:`images_in`, and what cannot be read as an image though it is called one.

    Raises:
        DataError: the folder cannot be listed.
    """
    try:
        entries = sorted(folder.iterdir(), key=natural_key)
    except OSError as error:
        raise DataError(f"cannot list the folder {folder}: {error.strerror}") from error
    images, left_out = [], []
    for path in entries:
        suffix = path.suffix.lower()
        other = _OTHER_SUFFIX.fullmatch(suffix)
        if path.name.startswith(".") or not (other or suffix in SUFFIXES):
            continue
        if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises where it may not look.
            left_out.append((path.name, _no_file(path)))
        elif other:
            left_out.append((path.name, "of a format that is not read"))
        else:
            images.append(path)
    return Listing(tuple(images), tuple(left_out))


def _no_file(path: Path) -> str:
    if os.path.isdir(path):  # noqa: PTH112
        return "a folder"
    return "a link to nothing" if path.is_symlink() else "no regular file"


def hr_images(folder: Path, only_marked: bool = False) -> Listing:
    """The HR images of a folder that may also hold LR or SR copies of them.

    A copy is called after an image that is there: beside ``baby.png`` or ``baby_HR.png`` (or
    ``GT``), ``baby_LR.png`` and ``baby_bicubic.png`` are copies. A scale (``babyx4.png``), and any
    other word behind the names of images marked HR, makes a copy only if it is there for every
    image: beside ``bmw.png`` and ``bmw x5.png``, ``bmw x3.png`` is another car. A name that looks
    like a copy's but stands alone is an image.

    Args:
        folder: where to look; its subfolders are not searched.
        only_marked: only files that carry the mark ``HR`` or ``GT``.

    Raises:
        DataError: the folder cannot be listed.
    """
    found = files_in(folder)
    copies = _copies(found.images)
    if only_marked:
        copies = {path for path in found.images if _base(_HR_MARK, path) is None}
    left_out = [(path.name, "copies of others by their names") for path in copies]
    return Listing(
        tuple(path for path in found.images if path not in copies),
        tuple(sorted([*found.left_out, *left_out], key=lambda row: natural_key(Path(row[0])))),
    )


def _copies(images: Iterable[Path]) -> set[Path]:
    images = list(images)
    bases = {path: _base(_HR_MARK, path) for path in images}
    marked = {base for base in bases.values() if base is not None}
    known = marked | {name_key(path.stem) for path in images}
    others = [path for path in images if bases[path] is None]
    copies = {path for path in others if _base(_WORD_MARK, path) in known}
    scaled = {p: b for p in others if p not in copies and (b := _base(_SCALE_MARK, p)) in known}
    kept = {bases[p] or name_key(p.stem) for p in images if p not in copies and p not in scaled}
    copies |= _systematic(scaled, kept)
    if len(marked) > 1:
        named = {p: _longest(p, marked) for p in others if p not in copies}
        copies |= _systematic(named, marked)
    return copies


def _systematic(candidates: Mapping[Path, str | None], bases: set[str]) -> set[Path]:
    """Those whose names go on behind a base as one does behind every base."""
    by_ending: dict[str, dict[str, Path]] = {}
    for path, base in candidates.items():
        if base is not None:
            by_ending.setdefault(name_key(path.stem)[len(base) :], {})[base] = path
    return {p for found in by_ending.values() if bases <= set(found) for p in found.values()}


def _longest(path: Path, bases: set[str]) -> str | None:
    """The longest base that a name goes on behind, at the end of a word."""
    stem = name_key(path.stem)
    found = [b for b in bases if stem.startswith(b) and not stem[len(b) : len(b) + 1].isalnum()]
    return max(found, key=len, default=None)


def _base(mark: re.Pattern[str], path: Path) -> str | None:
    """What stands in front of a mark in the file's name, or None without the mark."""
    match = mark.match(name_key(path.stem))
    return match[1] if match else None


def find_images(folder: Path, n_expected: int | None) -> Listing:
    """The HR images of a dataset's folder in whichever layout it has; empty if none fits.

    The first layout with the expected number of images wins, else the first with any.

    Raises:
        DataError: the folder cannot be listed.
    """
    first = Listing()
    for listing in _candidates(folder):
        if n_expected is None or len(listing.images) == n_expected:
            return listing
        first = first if first.images else listing
    return first


def subfolders(folder: Path, name: str) -> list[Path]:
    """Folders directly in ``folder`` called ``name``, exact case first."""
    if not folder.is_dir():
        return []
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise DataError(f"cannot list the folder {folder}: {error.strerror}") from error
    same = [p for p in entries if name_key(p.name) == name_key(name) and os.path.isdir(p)]  # noqa: PTH112
    return sorted(same, key=lambda path: (path.name != name, path.name))


def _candidates(folder: Path) -> Iterator[Listing]:
    for layout in LAYOUTS:
        for place in subfolders(folder, layout.folder) if layout.folder else [folder]:
            listing = hr_images(place, layout.only_marked)
            if listing.images:
                yield listing
