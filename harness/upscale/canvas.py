"""How an upscaled picture becomes a file."""

import warnings
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from harness.errors import DataError
from harness.images import SUFFIXES
from harness.images.decode import to_8_bit
from harness.system.files import replacing
from harness.upscale.picture import ORIENTATION, Picture, Pixels, orientation_only, to_image
from harness.upscale.png import write_png
from harness.upscale.strips import in_strips
from harness.upscale.tiff import write_tiff

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
LARGEST_SIDE = {".webp": 16_383, ".jpg": 65_500, ".jpeg": 65_500}
"""Of the formats themselves (JPEG: of its usual library)."""

WITHOUT_ALPHA = (".jpg", ".jpeg", ".bmp")
JPEG, TIFF = (".jpg", ".jpeg"), (".tif", ".tiff")

LARGEST_BMP = 2**32 - 1
"""Bytes; BMP writes its own size in 32 bits."""

LARGEST_EXIF = 65_533
"""Bytes in a JPEG, whose segments tell their length in 16 bits."""

SRGB_GAMMA = 1 / 2.2
"""What a file without a gamma means."""

USUAL_DPI = (72, 72)
"""What a file without a resolution means."""

_LONG_ENTRY = 1024
_EXIF_IFD, _EXIF_WIDTH, _EXIF_HEIGHT = 0x8769, 0xA002, 0xA003


class Canvas:
    """An upscaled picture in the making.

    TIFF and PNG are written as their rows come. The encoders of the other formats want the whole
    picture, which Pillow holds.

    Args:
        picture: what is upscaled; its alpha, depth, orientation, profile, resolution and gamma are
            kept where the format has a place for them.
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
        self.dtype = self._dtype()

    def write(self, bands: Iterable[Pixels]) -> None:
        """Write the file; it takes its place, or an older one's, when it is whole.

        Args:
            bands: h x width x C pixels of the picture's dtype, from top to bottom.

        Raises:
            DataError: the encoder refuses the picture; an old file is then intact.
            OSError: the folder is not writable or the disk is full; likewise.
        """
        strips = in_strips(bands)
        if self.dtype != self.picture.pixels.dtype:
            strips = map(to_8_bit, strips)
        with replacing(self.path) as file:
            if self.suffix in TIFF:
                self._write_tiff(file, strips)
            elif self.suffix == ".png":
                self._write_png(file, strips)
            else:
                self._write_whole(file, strips)

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

    def _dtype(self) -> np.dtype[Any]:
        """Of the samples that are written: the picture's own where the format has them."""
        dtype = self.picture.pixels.dtype
        has_it = TIFF if dtype == np.float32 else (*TIFF, ".png")
        if dtype == np.uint8 or self.suffix in has_it:
            return dtype
        was = "floating-point samples" if dtype == np.float32 else "16-bit samples"
        self.notes.append(f"{was} were rounded to 8 bits; .tif would keep them")
        return np.dtype(np.uint8)

    def _write_whole(self, file: BinaryIO, strips: Iterable[Pixels]) -> None:
        image = Image.new(MODES[self.channels], (self.width, self.height))
        top = 0
        for strip in strips:
            image.paste(to_image(strip), (0, top))
            top += len(strip)
        if self.suffix == ".bmp":
            # BMP has no place for an orientation, so the pixels are turned instead.
            image.getexif()[ORIENTATION] = self.picture.exif.get(ORIENTATION, 1)
            image = ImageOps.exif_transpose(image)
        self._save(image, file)

    def _write_png(self, file: BinaryIO, strips: Iterable[Pixels]) -> None:
        pattern = BytesIO()
        self._save(Image.new(MODES[self.channels], (1, 1)), pattern)
        size, depth = (self.width, self.height), 8 * self.dtype.itemsize
        write_png(file, strips, size, depth, pattern.getvalue())

    def _write_tiff(self, file: BinaryIO, strips: Iterable[Pixels]) -> None:
        exif = self._exif()
        self._say_gamma()
        write_tiff(
            file,
            strips,
            (self.height, self.width, self.channels),
            self.dtype,
            self.picture.icc,
            exif.get(ORIENTATION),
            self.picture.dpi,
        )

    def _save(self, image: Image.Image, file: BinaryIO | BytesIO) -> None:
        """Have Pillow write ``image`` with the metadata."""
        options = self._options()
        try:
            image.save(file, Image.registered_extensions()[self.suffix], **options)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # Encoders raise many types on what they cannot hold.
            raise DataError(
                f"{self.path}: {self.suffix} cannot hold the picture ({error}); choose .png or .tif"
            ) from error

    def _options(self) -> dict[str, Any]:
        """Options of Pillow: metadata and quality."""
        picture, options = self.picture, dict[str, Any]()
        if self.suffix == ".bmp":
            if picture.icc:
                self.notes.append("the colour profile was dropped: .bmp has no place for it")
            if set(picture.exif) - {ORIENTATION}:
                self.notes.append("its EXIF data were dropped: .bmp has no place for them")
        else:
            options["icc_profile"] = picture.icc
            if len(exif := self._exif()):
                options["exif"] = exif
        if self.suffix in JPEG:
            options.update(quality=95, subsampling=0)
        elif self.suffix == ".webp":
            options["lossless"] = True
        if picture.dpi and self.suffix == ".webp" and picture.dpi != USUAL_DPI:
            shown = " x ".join(f"{value:g}" for value in dict.fromkeys(picture.dpi))
            self.notes.append(f"its {shown} dpi were dropped: .webp has no place for them")
        elif picture.dpi and self.suffix != ".webp":
            options["dpi"] = picture.dpi
        if picture.gamma and self.suffix == ".png":
            options["pnginfo"] = PngImagePlugin.PngInfo()
            content = round(100_000 * picture.gamma).to_bytes(4, "big")
            options["pnginfo"].add(b"gAMA", content)
        else:
            self._say_gamma()
        return options

    def _say_gamma(self) -> None:
        gamma = self.picture.gamma
        # A profile goes before a gamma, and a gamma of sRGB says nothing new.
        if gamma and not self.picture.icc and abs(gamma - SRGB_GAMMA) > 0.01:
            self.notes.append(
                f"its gamma of {gamma:g} was dropped: {self.suffix} has no place for it, so it "
                "will look lighter or darker; choose .png"
            )

    def _exif(self) -> Image.Exif:
        """The picture's EXIF as the format takes it, with the new size in it."""
        exif = self.picture.exif
        if self.suffix in TIFF:
            # Nested entries, as cameras write them, are more than Pillow's TIFF writer can do.
            kept = orientation_only(exif.get(ORIENTATION))
            if len(exif) > len(kept):
                self.notes.append("of its EXIF data, TIFF keeps the orientation here")
            return kept
        details = _details(exif)
        for tag, size in ((_EXIF_WIDTH, self.width), (_EXIF_HEIGHT, self.height)):
            if tag in details:
                details[tag] = size
        if self.suffix in JPEG and len(exif.tobytes()) > LARGEST_EXIF:
            exif = _shortened(exif)
            self.notes.append(
                f"its EXIF data are longer than the {LARGEST_EXIF:,} bytes of a JPEG; "
                "long entries were dropped"
            )
        return exif


def _details(exif: Image.Exif) -> dict[int, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of damaged entries, which are left out.
        return exif.get_ifd(_EXIF_IFD)


def _shortened(exif: Image.Exif) -> Image.Exif:
    """EXIF data that fit into a JPEG: without long entries, or with the orientation alone."""
    short = Image.Exif()
    short.load(exif.tobytes())
    for entries in (short, _details(short)):
        for tag, value in list(entries.items()):
            if isinstance(value, bytes | str | tuple) and len(value) > _LONG_ENTRY:
                del entries[tag]
    fits = len(short.tobytes()) <= LARGEST_EXIF
    return short if fits else orientation_only(exif.get(ORIENTATION))
