"""Decoding image files, the same way for measuring and for upscaling, and writing them."""

import warnings
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from harness.errors import DataError
from harness.images import SUFFIXES
from harness.images.limits import MAX_PIXELS, Pixels, check_size, undecodable
from harness.images.metadata import frames, orientation_only, readable_exif
from harness.images.png import PngHeader, is_png, png_pixels
from harness.images.tiff import LeftToPillowError, decode_tiff, has_codecs, is_tiff
from harness.system.files import write_atomically

UInt8Array = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "PPM")
"""What Pillow may open besides TIFF. For PostScript it would run Ghostscript."""

__all__ = [
    "FORMATS", "MAX_PIXELS", "SUFFIXES", "Decoded", "Pixels", "decode", "image_size",
    "read_image", "write_image",
]  # fmt: skip


@dataclass(frozen=True)
class Decoded:
    """What a file holds.

    Attributes:
        pixels: H x W x C, uint8, uint16 (full range) or float32 (about [0, 1]), as stored:
            ``orientation`` is not applied. C is 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB,
            alpha); colours are not multiplied by alpha.
        orientation: 1 to 8, as EXIF and TIFF number them.
        is_tiff: whether orientation is a property of the pixels, not of EXIF data beside them.
        exif: its EXIF data, orientation included; empty if not asked for.
        icc: the colour profile of ``pixels``, None without one.
        dpi: pixels per inch across and down as the file says, unchecked.
        gamma: of a PNG, as the file says, unchecked.
        notes: sentences about what was left out; none if not asked for.
    """

    pixels: Pixels
    orientation: int = 1
    is_tiff: bool = False
    exif: Image.Exif = field(default_factory=Image.Exif)
    icc: bytes | None = None
    dpi: object = None
    gamma: object = None
    notes: tuple[str, ...] = ()


def read_image(path: Path) -> UInt8Array:
    """Decode an image file for measuring.

    Greyscale (of any depth) stays greyscale; palettes and CMYK become RGB; an alpha channel is
    dropped; of several frames the first is read; an EXIF orientation is not applied, as MATLAB's
    ``imread`` does not, but that of a TIFF is; more than 8 bits are rounded to 8, and so are
    floating-point samples, clipped to [0, 1].

    Returns:
        H x W (greyscale) or H x W x 3 (RGB), uint8, writeable.

    Raises:
        DataError: the file is missing, damaged, too large, no image, or of samples whose meaning
            is not known.
    """
    decoded = decode(path, metadata=False)
    pixels = to_8_bit(decoded.pixels)
    pixels = pixels[..., : 1 if pixels.shape[2] < 3 else 3]
    if decoded.is_tiff:
        pixels = _upright(pixels, decoded.orientation)
    return np.array(pixels[..., 0] if pixels.shape[2] == 1 else pixels, order="C")


def decode(path: Path, metadata: bool = True) -> Decoded:
    """Decode an image file in its full depth.

    Args:
        path: of whatever format its content is, whatever its name says.
        metadata: also read EXIF data, and count frames.

    Raises:
        DataError: the file is missing, damaged, too large, no image, or of samples whose meaning
            is not known.
    """
    try:
        with warnings.catch_warnings():
            # Of sizes, which are checked here, and of damaged metadata beside sound pixels.
            warnings.simplefilter("ignore")
            if is_tiff(path):
                try:
                    found = decode_tiff(path)
                except LeftToPillowError as left:
                    return _tiff_by_pillow(path, left)
                exif = orientation_only(found.orientation)
                return Decoded(found.pixels, found.orientation, True, exif, found.icc, found.dpi,
                               None, found.notes)  # fmt: skip
            return _by_pillow(path, FORMATS, metadata)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"no image at {path}") from None
    except UnidentifiedImageError as error:
        raise DataError(f"cannot decode {path}: no image of a format that is known") from error
    except Exception as error:  # Decoders raise many types on damaged files.
        raise undecodable(path, error) from error


def image_size(path: Path) -> tuple[int, int]:
    """Width and height as a file's header tells, undecoded.

    Raises:
        OSError: the file cannot be read, or is no image of a known format.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path, formats=(*FORMATS, "TIFF")) as image:
            return image.width, image.height


def _tiff_by_pillow(path: Path, left: LeftToPillowError) -> Decoded:
    try:
        return _by_pillow(path, ("TIFF",), False, left.page, left.notes)
    except OSError as error:
        if has_codecs():
            raise
        # Releases of Pillow differ in the kinds that they read, and call the others damaged.
        raise DataError(
            f"this release of Pillow cannot decode {path}; if the file is whole, imagecodecs does: "
            "pip install 'cms-lapsrn-harness[tiff]'"
        ) from error


def _by_pillow(
    path: Path,
    formats: tuple[str, ...],
    metadata: bool,
    page: int = 0,
    notes: tuple[str, ...] = (),
) -> Decoded:
    header = None
    if is_png(path):
        header = PngHeader(path)
        header.check_rows()
    with Image.open(path, formats=formats) as image:
        image.seek(page)
        check_size(path, image.width, image.height)
        image.load()
        if image.mode == "F":
            raise DataError(f"{path} holds floating-point samples, whose range is not known")
        tiff = image.format == "TIFF"
        exif = Image.Exif()
        if metadata:
            exif, damage = readable_exif(image)
            notes += damage + frames(image)
        icc, dpi, gamma = (image.info.get(key) for key in ("icc_profile", "dpi", "gamma"))
        if image.mode in ("CMYK", "YCbCr", "LAB", "HSV") and icc:
            icc = None
            notes += (f"its {image.mode} colours became RGB, so its colour profile was dropped",)
        pixels = png_pixels(header, image) if header else None
        if pixels is None:
            pixels = _converted(image)
    # Pillow turns a TIFF as it decodes, so that it has none any more.
    orientation = exif.get(0x0112, 1)
    orientation = orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1
    return Decoded(pixels, orientation, tiff, exif, icc, dpi, gamma, notes)


def _converted(image: Image.Image) -> Pixels:
    if image.mode.startswith("I"):
        return np.asarray(np.clip(np.asarray(image), 0, 65535)[..., None], dtype=np.uint16)
    transparent = "transparency" in image.info or image.mode in ("LA", "La", "RGBA", "RGBa", "PA")
    grey = image.mode in ("1", "L", "LA", "La")
    mode = ("LA" if transparent else "L") if grey else ("RGBA" if transparent else "RGB")
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return np.asarray(pixels.reshape(*pixels.shape[:2], -1), dtype=np.uint8)


def _upright(pixels: UInt8Array, orientation: int) -> UInt8Array:
    """Apply an orientation: 1 to 8, as TIFF numbers them."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    # Where the stored first row and first column belong: 2, 3 right; 3, 4 bottom; 6, 7; 7, 8.
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def write_image(path: Path, pixels: UInt8Array | NDArray[np.float32]) -> None:
    """Write an image atomically, in the format of the path's suffix and as well as it can.

    Args:
        path: PNG, BMP, TIFF and WebP are lossless, JPEG is not.
        pixels: H x W (greyscale) or H x W x 3 (RGB), uint8; into TIFF also float32.

    Raises:
        DataError: the suffix is none of an image format.
        OSError: the folder is not writable or the disk is full.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: unknown image format; known are {', '.join(SUFFIXES)}")
    buffer = BytesIO()
    if pixels.dtype == np.float32:
        import tifffile

        # Neither compressed nor in tiles: most programs read no other floating-point TIFF.
        kind = "rgb" if pixels.ndim == 3 else "minisblack"
        tifffile.imwrite(buffer, pixels, photometric=kind, metadata=None)
        write_atomically(path, buffer.getvalue())
        return
    options: dict[str, object] = {}
    if suffix == ".webp":
        options = {"lossless": True}
    elif suffix in (".jpg", ".jpeg"):
        options = {"quality": 95, "subsampling": 0}
    Image.fromarray(pixels).save(buffer, Image.registered_extensions()[suffix], **options)
    write_atomically(path, buffer.getvalue())


def to_8_bit(samples: Pixels) -> UInt8Array:
    """Samples in 0..65535, or in [0, 1], to 8 bits, rounding: 257 is 65535 / 255."""
    if samples.dtype == np.uint8:
        return np.asarray(samples, dtype=np.uint8)
    if samples.dtype == np.float32:
        # As the protocol does: half up after clipping.
        return np.floor(np.clip(samples.astype(np.float64), 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.asarray(np.rint(samples.astype(np.float64) / 257), dtype=np.uint8)
