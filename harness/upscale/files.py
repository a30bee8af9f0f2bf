"""Which files become which: one image or a folder of them, to a file or into a folder."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.data.layouts import images_in
from harness.errors import DataError, HarnessError, ResultsError, is_for_want_of_memory
from harness.images import SUFFIXES
from harness.system.files import remove_stale
from harness.system.interrupts import raise_interrupt
from harness.upscale.canvas import Canvas
from harness.upscale.engine import Upscaler
from harness.upscale.picture import read_picture

_BEGINS_S = 1.0
"""A writer that has begun holds its file since."""
_ALIASES = {".jpeg": ".jpg", ".tiff": ".tif"}
"""Endings beside those that options name."""


@dataclass(frozen=True)
class Pair:
    """An image to read and the file to write."""

    source: Path
    target: Path


def pair_files(source: Path, out: Path, suffix: str | None = None) -> list[Pair]:
    """Decide what is written where.

    Args:
        source: an image, or a folder of images (those directly in it).
        out: for an image a file, or a folder (one that exists, or a name without a suffix); for
            a folder a folder.
        suffix: format of the files in a folder, such as ``".png"``; None keeps each image's own,
            JPEG excepted, which becomes PNG. Of a single file, the format that its ending means.

    Raises:
        DataError: there is no image, a folder cannot be read, an image would be overwritten by its
            own upscaled form, two would be written to one file, or a file's ending and ``suffix``
            differ.
    """
    try:
        pairs = _pairs(source, out, suffix)
        _check(pairs)
    except OSError as error:  # No right to read a folder, a name that is too long.
        place = error.filename or source
        raise DataError(f"cannot open {place}: {error.strerror or error}") from error
    return pairs


def _pairs(source: Path, out: Path, suffix: str | None) -> list[Pair]:
    if source.is_dir():
        images = images_in(source)
        if not images:
            raise DataError(f"no images in {source} ({' '.join(SUFFIXES)})")
        if out.exists() and not out.is_dir():
            raise DataError(f"{source} is a folder, so {out} must be one too, and it is a file")
        pairs = [Pair(path, out / _name(path, suffix)) for path in images]
    elif not source.is_file():
        raise DataError(f"no image or folder at {source}")
    elif out.is_dir() or not out.suffix:
        pairs = [Pair(source, out / _name(source, suffix))]
    else:
        if suffix and _ALIASES.get(own := out.suffix.lower(), own) != suffix:
            raise DataError(
                f"{out} ends in {own}, and --format says {suffix}: leave one of them out"
            )
        pairs = [Pair(source, out)]
    return pairs


def _name(path: Path, suffix: str | None) -> str:
    own = path.suffix.lower()
    return path.stem + (suffix or (".png" if own in (".jpg", ".jpeg") else own))


def _check(pairs: list[Pair]) -> None:
    taken: dict[str, Path] = {}
    for pair in pairs:
        target = os.path.realpath(pair.target)
        if target == os.path.realpath(pair.source):
            raise DataError(f"{pair.source} would be overwritten by its own upscaled form")
        if target in taken:
            raise DataError(
                f"{taken[target].name} and {pair.source.name} would both be written to "
                f"{pair.target}; rename one, or upscale them one by one"
            )
        taken[target] = pair.source


def upscale_file(
    pair: Pair,
    upscaler: Upscaler,
    on_start: Callable[[int], object] = lambda _: None,
    on_tile: Callable[[], object] = lambda: None,
) -> Canvas:
    """Upscale one file.

    Args:
        pair: what to read and what to write; the folder is made if need be.
        upscaler: see :class:`Upscaler`.
        on_start: told how many tiles there are.
        on_tile: called after each of them.

    Returns:
        What was written, with notes about what its format could not keep.

    Raises:
        DataError: the image cannot be read or decoded, the network's output is not finite, or the
            format cannot hold the result.
        ResultsError: the result cannot be written, or there is too little memory.
    """
    raise_interrupt()
    try:
        return _upscale_file(pair, upscaler, on_start, on_tile)
    except HarnessError as error:
        if str(pair.source) in str(error) or str(pair.target) in str(error):
            raise
        raise type(error)(f"{pair.source}: {error}") from error
    except OSError as error:
        raise ResultsError(f"cannot write {pair.target}: {error.strerror or error}") from error
    except (MemoryError, RuntimeError) as error:
        if not is_for_want_of_memory(error):
            raise
        raise ResultsError(
            f"cannot write {pair.target}: memory ran out; a smaller --tile, or .png or .tif, needs "
            "less"
        ) from error


def _upscale_file(
    pair: Pair,
    upscaler: Upscaler,
    on_start: Callable[[int], object],
    on_tile: Callable[[], object],
) -> Canvas:
    try:
        picture = read_picture(pair.source)
    except OSError as error:
        raise DataError(f"cannot read {pair.source}: {error.strerror or error}") from error
    canvas = Canvas(picture, upscaler.scale, pair.target)
    pair.target.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(pair.target.parent, older_than_s=_BEGINS_S)
    on_start(len(upscaler.plan(*picture.pixels.shape[:2])))
    canvas.write(upscaler.bands(picture.pixels, on_tile))
    return canvas
