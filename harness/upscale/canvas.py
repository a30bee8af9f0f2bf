"""How an upscaled picture becomes a file."""

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from harness.data.layouts import SUFFIXES
from harness.errors import DataError
from harness.upscale.jpeg import write_jpeg
from harness.upscale.picture import ORIENTATION, Picture, Pixels, orientation_only, to_image
from harness.upscale.png import write_png
from harness.upscale.strips import in_strips
from harness.upscale.tiff import write_tiff

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
LARGEST_SIDE = {".webp": 16_383, ".jpg": 65_500, ".jpeg": 65_500}
"""Of the formats themselves (JPEG: of its usual library)."""

WITHOUT_ALPHA = (".jpg", ".jpeg", ".bmp")
TIFF = (".tif", ".tiff")
STREAMED = (".png", *TIFF, ".jpg", ".jpeg")

LARGEST_HELD = 32_000_000
"""Pixels of a picture that is put together in memory; Pillow takes up to 4 bytes for each."""

LARGEST_BMP = 2**32 - 1
"""Bytes; BMP writes its own size in 32 bits."""

_EXIF_IFD, _EXIF_WIDTH, _EXIF_HEIGHT = 0x8769, 0xA002, 0xA003


class Canvas:
    """An upscaled picture in the making.

    A picture of moderate size is put together in Pillow's memory. A large one is written as its
    rows come, where the format and its encoder allow.

    Args:
        picture: what is upscaled; its alpha, depth, orientation and profile are kept where the
            format has a place for them.
        scale: the factor.
        path: the file to write; its suffix is the format.

    Attributes:
        notes: sentences about what the format cannot keep.

    Raises:
        DataError: the format is unknown, or cannot hold the size or the transparency.
    """

    def __init__(self, picture: Picture, scale: int, path: Path) -> None:
        self.picture, self.path, self.suffix = picture, path, path.suffix.lower()
        height, width, channels = picture.pixels.shape
        self.height, self.width, self.channels = scale * height, scale * width, channels
        self.notes = list(picture.notes)
        self._check_format()
        self.wide = picture.pixels.dtype == np.uint16 and self._has_16_bits()

    def write(self, bands: Iterable[Pixels]) -> None:
        """Write the file; it takes its place, or an older one's, when it is whole.

        Args:
            bands: h x width x C pixels of the picture's dtype, from top to bottom.

        Raises:
            OSError: the folder is not writable or the disk is full; an old file is then intact.
        """
        strips = in_strips(bands)
        if self.picture.pixels.dtype == np.uint16 and not self.wide:
            strips = map(_rounded, strips)
        with _replacing(self.path) as temporary:
            if self._streams():
                self._write_strips(temporary, strips)
            else:
                self._write_whole(temporary, strips)

    def _streams(self) -> bool:
        if self.wide and self.channels > 1:
            return True  # Pillow has no mode for 16-bit colour.
        return self.suffix in STREAMED and self.width * self.height > LARGEST_HELD

    def _check_format(self) -> None:
        if self.suffix not in SUFFIXES:
            raise DataError(
                f"{self.path}: unknown image format {self.suffix!r}; known are "
                f"{', '.join(SUFFIXES)}"
            )
        limit = LARGEST_SIDE.get(self.suffix)
        if limit is not None and max(self.height, self.width) > limit:
            raise DataError(
                f"{self.path}: {self.width}x{self.height} pixels do not fit into {self.suffix}, "
                f"which ends at {limit} on a side; choose .png or .tif"
            )
        if self.suffix == ".bmp" and self.height * (self.width * self.channels + 3) > LARGEST_BMP:
            raise DataError(
                f"{self.path}: {self.width}x{self.height} pixels do not fit into .bmp, which ends "
                "at 4 GB; choose .png or .tif"
            )
        if self.picture.has_alpha and self.suffix in WITHOUT_ALPHA:
            raise DataError(
                f"{self.path}: the picture has transparency, for which {self.suffix} has no "
                "place; choose .png, .tif or .webp"
            )

    def _has_16_bits(self) -> bool:
        if self.suffix in TIFF or (self.channels == 1 and self.suffix == ".png"):
            return True
        self.notes.append(f"16-bit samples were rounded to 8: {self.suffix} here has no more")
        return False

    def _write_whole(self, temporary: Path, strips: Iterable[Pixels]) -> None:
        image = Image.new(self._mode(), (self.width, self.height))
        top = 0
        for strip in strips:
            image.paste(to_image(strip), (0, top))
            top += len(strip)
        options = self._options()
        if self.suffix == ".bmp":
            # BMP has no place for an orientation, so the pixels are turned instead.
            image.getexif()[ORIENTATION] = self.picture.exif.get(ORIENTATION, 1)
            image = ImageOps.exif_transpose(image)
        if self.suffix in TIFF:
            options["compression"] = "tiff_adobe_deflate"
        elif self.suffix == ".webp":
            options["lossless"] = True
        self._save(image, temporary, options)

    def _write_strips(self, temporary: Path, strips: Iterable[Pixels]) -> None:
        size, options = (self.width, self.height), self._options()
        if self.suffix in TIFF:
            shape = (self.height, self.width, self.channels)
            dtype = np.uint16 if self.wide else np.uint8
            orientation = options["exif"].get(ORIENTATION) if "exif" in options else None
            write_tiff(temporary, strips, shape, dtype, self.picture.icc, orientation)
        elif self.suffix == ".png":
            pattern = BytesIO()
            self._save(Image.new(self._mode(), (1, 1)), pattern, options)
            write_png(temporary, strips, size, pattern.getvalue())
        else:
            write_jpeg(temporary, strips, size, options)

    def _save(self, image: Image.Image, file: Path | BytesIO, options: dict[str, Any]) -> None:
        image.save(file, Image.registered_extensions()[self.suffix], **options)

    def _mode(self) -> str:
        return "I;16" if self.wide else MODES[self.channels]

    def _options(self) -> dict[str, Any]:
        """Of Pillow: what surrounds the pixels, and the quality of a JPEG."""
        options: dict[str, Any] = {"icc_profile": self.picture.icc}
        if self.suffix in (".jpg", ".jpeg"):
            options.update(quality=95, subsampling=0)
        if self.suffix == ".bmp":
            if self.picture.icc:
                self.notes.append("the colour profile was dropped: .bmp has no place for it")
        elif len(exif := self._exif()):
            options["exif"] = exif
        return options

    def _exif(self) -> Image.Exif:
        """The picture's EXIF as the format takes it, with the new size in it."""
        exif = self.picture.exif
        if self.suffix in TIFF:
            # Nested entries, as cameras write them, are more than Pillow's TIFF writer can do.
            kept = orientation_only(exif.get(ORIENTATION))
            if len(exif) > len(kept):
                self.notes.append("of its EXIF data, TIFF keeps the orientation here")
            return kept
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of damaged entries, which are left out.
            details = exif.get_ifd(_EXIF_IFD)
        for tag, size in ((_EXIF_WIDTH, self.width), (_EXIF_HEIGHT, self.height)):
            if tag in details:
                details[tag] = size
        return exif


def _rounded(pixels: Pixels) -> Pixels:
    """16 bits to 8."""
    return np.rint(pixels / 257).astype(np.uint8)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when all went well."""
    temporary = path.with_name(f".{path.name[:80]}.{os.getpid()}.tmp")
    try:
        temporary.touch()  # A folder that cannot be written to is found before the work.
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
