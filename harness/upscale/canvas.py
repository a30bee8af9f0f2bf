"""Where the tiles of an upscaled picture come together, and how it becomes a file."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from harness.data.layouts import SUFFIXES
from harness.errors import DataError
from harness.upscale.picture import ORIENTATION, Picture, Pixels, orientation_only

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
LARGEST_SIDE = {".webp": 16_383, ".jpg": 65_500, ".jpeg": 65_500}
"""Of the formats themselves (JPEG: of its usual library)."""

WITHOUT_ALPHA = (".jpg", ".jpeg", ".bmp")
TIFF = (".tif", ".tiff")
_EXIF_IFD, _EXIF_WIDTH, _EXIF_HEIGHT = 0x8769, 0xA002, 0xA003


class Canvas:
    """An upscaled picture in the making.

    Eight-bit pictures grow inside Pillow, so that no second copy is needed for encoding.

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
        self.wide: Pixels | None = None
        if picture.pixels.dtype == np.uint16 and self._has_16_bits():
            self.wide = np.empty((self.height, self.width, channels), dtype=np.uint16)
        else:
            self.image = Image.new(MODES[channels], (self.width, self.height))

    def paste(self, top: int, left: int, pixels: Pixels) -> None:
        """Put h x w x C pixels of the picture's dtype at a place."""
        if self.wide is not None:
            self.wide[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
            return
        if pixels.dtype == np.uint16:
            pixels = np.rint(pixels / 257).astype(np.uint8)
        tile = pixels[..., 0] if self.channels == 1 else pixels
        self.image.paste(Image.fromarray(np.ascontiguousarray(tile)), (left, top))

    def save(self) -> None:
        """Write the file atomically.

        Raises:
            OSError: the folder is not writable or the disk is full; an old file is then intact.
        """
        with _replacing(self.path) as temporary:
            if self.wide is not None and self.channels > 1:
                self._save_wide_colour(temporary)
            else:
                self._save_by_pillow(temporary)

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

    def _save_by_pillow(self, temporary: Path) -> None:
        image = self.image if self.wide is None else Image.fromarray(self.wide[..., 0])
        options: dict[str, Any] = {"icc_profile": self.picture.icc}
        exif = self._exif()
        if self.suffix == ".bmp":
            # BMP has no place for an orientation, so the pixels are turned instead.
            image.getexif()[ORIENTATION] = self.picture.exif.get(ORIENTATION, 1)
            image = ImageOps.exif_transpose(image)
            if self.picture.icc:
                self.notes.append("the colour profile was dropped: .bmp has no place for it")
        elif len(exif):
            options["exif"] = exif
        if self.suffix in TIFF:
            options["compression"] = "tiff_adobe_deflate"
        elif self.suffix == ".webp":
            options["lossless"] = True
        elif self.suffix in (".jpg", ".jpeg"):
            options.update(quality=95, subsampling=0)
        image.save(temporary, Image.registered_extensions()[self.suffix], **options)

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

    def _save_wide_colour(self, temporary: Path) -> None:
        """16-bit RGB, for which Pillow has no mode."""
        import tifffile

        options: dict[str, Any] = {}
        if self.channels == 4:
            options["extrasamples"] = ["unassalpha"]
        if ORIENTATION in self.picture.exif:
            value = self.picture.exif[ORIENTATION]
            options["extratags"] = [(ORIENTATION, "H", 1, value, True)]
        tifffile.imwrite(
            temporary,
            self.wide,
            photometric="rgb",
            compression="zlib",
            iccprofile=self.picture.icc,
            **options,
        )


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when all went well."""
    temporary = path.with_name(f".{path.name[:80]}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
