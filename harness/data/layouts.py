"""Where the HR images lie inside a dataset's folder: the layouts that people really have."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
"""Of the image formats that are read, in lower case."""


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

_HR_MARK = re.compile(r"^(.*?[a-z0-9)])[-_. ]+(?:HR|GT)(?![a-z])", re.IGNORECASE)
_COPY_MARK = re.compile(
    r"^(.*?[a-z0-9)])(?:[-_. ]+(?:LR|SR|bic|bicubic|nearest)(?![a-z])|[-_. ]*x[2348](?![a-z0-9]))",
    re.IGNORECASE,
)


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


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Sort ``t2.png`` before ``t10.png``."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def images_in(folder: Path) -> list[Path]:
    """All image files directly in a folder, hidden ones aside, in natural order."""
    found = (
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    return sorted(found, key=natural_key)


def hr_images(folder: Path, only_marked: bool = False) -> list[Path]:
    """The HR images of a folder that may also hold LR or SR copies of them.

    Beside ``baby_HR.png`` (or ``GT``), whatever else begins with ``baby`` is a copy. Beside
    ``baby.png``, ``baby_LR.png``, ``baby_bicubic.png`` and ``babyx4.png`` are. A name that looks
    like a copy's but stands alone is an image.

    Args:
        folder: where to look; its subfolders are not searched.
        only_marked: only files that carry the mark ``HR`` or ``GT``.
    """
    images = images_in(folder)
    marked = {path: _base(_HR_MARK, path) for path in images}
    bases = tuple({base for base in marked.values() if base is not None})
    if only_marked:
        return [path for path in images if marked[path] is not None]
    stems = {path.stem.casefold() for path in images} | set(bases)
    return [
        path
        for path in images
        if marked[path] is not None
        or not (path.stem.casefold().startswith(bases) or _base(_COPY_MARK, path) in stems)
    ]


def _base(mark: re.Pattern[str], path: Path) -> str | None:
    """What stands in front of a mark in the file's name, or None without the mark."""
    match = mark.match(path.stem)
    return match[1].casefold() if match else None


def find_images(folder: Path, n_expected: int | None) -> list[Path]:
    """The HR images of a dataset's folder in whichever layout it has; empty if none fits.

    The first layout with the expected number of images wins, else the first with any.
    """
    first: list[Path] = []
    for images in _candidates(folder):
        if n_expected is None or len(images) == n_expected:
            return images
        first = first or images
    return first


def subfolders(folder: Path, name: str) -> list[Path]:
    """Folders directly in ``folder`` called ``name``, exact case first."""
    if not folder.is_dir():
        return []
    same = [p for p in folder.iterdir() if p.name.casefold() == name.casefold() and p.is_dir()]
    return sorted(same, key=lambda path: (path.name != name, path.name))


def _candidates(folder: Path) -> Iterator[list[Path]]:
    for layout in LAYOUTS:
        for place in subfolders(folder, layout.folder) if layout.folder else [folder]:
            if images := hr_images(place, layout.only_marked):
                yield images
