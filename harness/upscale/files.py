"""Which files become which: one image or a folder of them, to a file or into a folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.data.layouts import SUFFIXES, images_in
from harness.errors import DataError
from harness.upscale.canvas import Canvas
from harness.upscale.engine import Upscaler
from harness.upscale.picture import read_picture


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
            JPEG excepted, which becomes PNG.

    Raises:
        DataError: there is no image, an image would be overwritten by its own upscaled form, or
            two would be written to one file.
    """
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
        pairs = [Pair(source, out)]
    _check(pairs)
    return pairs


def _name(path: Path, suffix: str | None) -> str:
    own = path.suffix.lower()
    return path.stem + (suffix or (".png" if own in (".jpg", ".jpeg") else own))


def _check(pairs: list[Pair]) -> None:
    taken: dict[Path, Path] = {}
    for pair in pairs:
        target = pair.target.resolve()
        if target == pair.source.resolve():
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
        DataError: the image cannot be decoded, or the format cannot hold the result.
        OSError: the result cannot be written.
    """
    picture = read_picture(pair.source)
    canvas = Canvas(picture, upscaler.scale, pair.target)
    pair.target.parent.mkdir(parents=True, exist_ok=True)
    on_start(len(upscaler.plan(*picture.pixels.shape[:2])))
    canvas.write(upscaler.bands(picture.pixels, on_tile))
    return canvas
