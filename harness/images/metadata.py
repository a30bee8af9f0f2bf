"""Metadata of an image file: EXIF data, further frames."""

import warnings
from contextlib import suppress

from PIL import Image

ORIENTATION = 0x0112


def frames(image: Image.Image) -> tuple[str, ...]:
    """Notes on an animated picture, or one with several pages."""
    try:
        n_frames = getattr(image, "n_frames", 1)
    except Exception:  # Of damaged pages behind a sound one.
        return ("what is behind its first frame is damaged, and was left out",)
    return (f"of its {n_frames} frames, the first was taken",) if n_frames > 1 else ()


def readable_exif(image: Image.Image) -> tuple[Image.Exif, tuple[str, ...]]:
    """The part of an image's EXIF data that can be written again, and notes on the rest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of damaged entries, which are left out.
        found: Image.Exif | None = None
        try:
            found = image.getexif()
            # Reading every part shows whether it can be written again.
            copied = Image.Exif()
            copied.load(found.tobytes())
            copied.tobytes()
        except Exception:  # Whatever damaged bytes make of the reader.
            with suppress(Exception):
                kept = orientation_only(found.get(ORIENTATION) if found else None)
                if kept:
                    return kept, ("its EXIF data are damaged; only the orientation was kept",)
            return Image.Exif(), ("its EXIF data are damaged, and were dropped",)
    return found, ()


def orientation_only(value: object) -> Image.Exif:
    """EXIF data with an orientation, or without anything if the value is none."""
    exif = Image.Exif()
    if isinstance(value, int) and 1 <= value <= 8:
        exif[ORIENTATION] = value
    return exif
