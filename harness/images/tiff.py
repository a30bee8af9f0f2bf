"""Decoding TIFF as its tags say, or refusing it with the reason."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.images.limits import FLOAT_RANGE, Pixels, check_size, undecodable

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 1, 2, 3, 5, 6
_NAMES = {4: "a mask", 6: "YCbCr", 8: "CIELab", 9: "ICCLab", 10: "ITULab", 32803: "a raw mosaic"}
_CHANNELS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _SEPARATED: 4}
_ORIENTATION, _ICC, _RESOLUTION, _EXTRA, _INK_SET, _SUBSAMPLING = (
    274, 34675, 282, 338, 332, 530
)  # fmt: skip
_ASSOCIATED, _UNASSOCIATED = 1, 2
_NEEDS_CODEC = "imagecodecs"


# What it finds odd in a file is decided here, not told on a terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


_PILLOW_READS = {
    (_BLACK_IS_ZERO, 1), (_BLACK_IS_ZERO, 2), (_WHITE_IS_ZERO, 1), (_PALETTE, 1), (_RGB, 3),
    (_RGB, 4), (_SEPARATED, 4), (_YCBCR, 3),
}  # fmt: skip
"""Colours and channels that Pillow takes for what they are, if they do not lie in planes."""


class LeftToPillowError(Exception):
    """libtiff, by way of Pillow, is the reader of this kind: 8-bit YCbCr, or a missing codec.

    Attributes:
        page: its number, from 0.
        notes: as :class:`harness.images.decode.Decoded` has them.
    """

    def __init__(self, page: int, notes: tuple[str, ...]) -> None:
        self.page, self.notes = page, notes
        super().__init__()


@dataclass(frozen=True)
class Tiff:
    """A page. ``pixels`` and the rest are as in :class:`harness.images.decode.Decoded`."""

    pixels: Pixels
    orientation: int
    icc: bytes | None
    dpi: object
    notes: tuple[str, ...]


def is_tiff(path: Path) -> bool:
    """Whether a file begins as a TIFF does, whatever its name says."""
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


def decode_tiff(path: Path) -> Tiff:
    """Decode the first page that is no thumbnail.

    Raises:
        DataError: the file is damaged, too large, or of samples that are not read.
        LeftToPillowError: it is a sound file of a kind that is left to Pillow.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            page, notes = _page(tiff)
            if _is_pillows(path, page):
                raise LeftToPillowError(page.index, notes)
            _check(path, page)
            _check_segments(path, page, tiff.filehandle.size)
            _check_inks(path, page)
            samples = _samples(path, page)
            if samples is None:
                raise LeftToPillowError(page.index, notes)
            pixels, more = _pixels(path, page, samples)
            tags = page.tags
            icc = tags.get(_ICC)
            # A page without a unit has ratios alone.
            dpi = page.get_resolution("inch") if tags.get(_RESOLUTION) else None
            converted = int(page.photometric) == _SEPARATED
            if icc and converted:
                more += ("its CMYK colours became RGB, so its colour profile was dropped",)
            return Tiff(
                pixels,
                _orientation(page),
                bytes(icc.value) if icc and not converted else None,
                dpi,
                notes + more,
            )
    except (DataError, LeftToPillowError):
        raise
    except Exception as error:  # Damaged files raise many types.
        raise undecodable(path, error) from error


def _page(tiff: Any) -> tuple[Any, tuple[str, ...]]:
    page, notes = tiff.pages.first, ()
    try:
        second = tiff.pages[1]
    except IndexError:
        return page, notes
    except Exception:  # Of damaged pages behind a sound one.
        return page, ("what is behind its first page is damaged, and was left out",)
    if page.is_reduced and not second.is_reduced:
        return second.aspage(), ("its first page is a thumbnail; the second was taken",)
    if second.is_reduced:
        return page, notes
    return page, (f"of its {len(tiff.pages)} pages, the first was taken",)


def _orientation(page: Any) -> int:
    tag = page.tags.get(_ORIENTATION)
    value = int(tag.value) if tag else 1
    return value if 1 <= value <= 8 else 1


def _is_pillows(path: Path, page: Any) -> bool:
    """Whether it is YCbCr of 8 bits, which libtiff converts."""
    if int(page.photometric) != _YCBCR or page.bitspersample != 8:
        return False
    subsampling = page.tags.get(_SUBSAMPLING)
    ratios = tuple(subsampling.value) if subsampling else (2, 2)
    plain = int(page.compression) == 1
    if (plain and (ratios != (1, 1) or _orientation(page) > 4)) or not _pillow_reads(page):
        raise DataError(f"{path} holds YCbCr of a layout that is not read")
    return True


def _pillow_reads(page: Any) -> bool:
    """Whether Pillow gives the pixels of a page of 1 or 8 bits as its tags say."""
    import tifffile
    from PIL.TiffImagePlugin import COMPRESSION_INFO

    contiguous = page.planarconfig == tifffile.PLANARCONFIG.CONTIG or page.samplesperpixel == 1
    colours = (int(page.photometric), page.samplesperpixel)
    return contiguous and colours in _PILLOW_READS and int(page.compression) in COMPRESSION_INFO


def _check(path: Path, page: Any) -> None:
    """Refuse samples of a meaning that is not known, before anything is decoded."""
    check_size(path, page.imagewidth, page.imagelength)
    photometric = int(page.photometric)
    bits = page.bitspersample
    if photometric not in _CHANNELS:
        raise DataError(f"{path} holds {_NAMES.get(photometric, 'a kind')} of colour not read here")
    kind = np.dtype(page.dtype).kind if page.dtype is not None else None
    if kind == "i":
        raise DataError(f"{path} holds signed samples, whose range is not known")
    if kind == "f" and (
        photometric not in (_BLACK_IS_ZERO, _RGB) or page.samplesperpixel > _CHANNELS[photometric]
    ):
        raise DataError(f"{path} holds floating-point samples that are neither grey nor RGB alone")
    if kind != "f" and (kind not in ("u", "b") or not 1 <= bits <= 16):
        raise DataError(f"{path} holds samples of {bits} bits; those of 1 to 16 are read")
    if page.imagedepth != 1:
        raise DataError(f"{path} holds a volume of {page.imagedepth} slices; pictures are read")
    if page.samplesperpixel < _CHANNELS[photometric]:
        raise DataError(f"{path} has {page.samplesperpixel} channels, too few for its colours")


def _check_inks(path: Path, page: Any) -> None:
    if int(page.photometric) == _SEPARATED:
        ink_set = page.tags.get(_INK_SET)
        if page.bitspersample != 8 or (ink_set and ink_set.value != 1):
            raise DataError(f"{path} holds inks other than CMYK of 8 bits, which are not read")


def _check_segments(path: Path, page: Any, file_bytes: int) -> None:
    """Refuse strips and tiles that are not there, which would be read as black."""
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if offset <= 0 or count <= 0 or offset + count > file_bytes:
            raise undecodable(path, "parts of its pixels are missing")


def _samples(path: Path, page: Any) -> NDArray[Any] | None:
    """H x W x C as stored; None where that is left to Pillow for want of a codec."""
    import tifffile

    try:
        samples = np.asarray(page.asarray(maxworkers=1, squeeze=False))
    except Exception as error:
        # Some of its own codecs are modules of Python, of a later version or left out.
        missing = isinstance(error, NotImplementedError | ImportError)
        needs_codec = missing or _NEEDS_CODEC in str(error)
        if not needs_codec or has_codecs():
            raise
        if page.bitspersample in (1, 8) and _pillow_reads(page):
            return None
        raise DataError(
            f"{path} is compressed or packed in a way ({page.compression.name}, "
            f"{page.bitspersample} bits) that needs imagecodecs: "
            "pip install 'cms-lapsrn-harness[tiff]'"
        ) from error
    # Planes x depth x H x W x channels.
    planes, channels = samples.shape[0], samples.shape[-1]
    separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    samples = samples[:, 0]
    if planes > 1 and (not separate or channels != 1):
        raise DataError(f"{path} has samples of shape {samples.shape}; a picture was expected")
    samples = np.moveaxis(samples[..., 0], 0, -1) if planes > 1 else samples[0]
    if samples.shape != (page.imagelength, page.imagewidth, page.samplesperpixel):
        raise DataError(f"{path} has samples of shape {samples.shape}; a picture was expected")
    return samples


def has_codecs() -> bool:
    """Whether the extra ``tiff`` is installed."""
    from importlib.util import find_spec

    return find_spec("imagecodecs") is not None


def _pixels(path: Path, page: Any, samples: NDArray[Any]) -> tuple[Pixels, tuple[str, ...]]:
    photometric, bits = int(page.photometric), page.bitspersample
    channels = _CHANNELS[photometric]
    if samples.dtype.kind == "f":
        return _unit_range(path, samples), ()
    colour, extra = samples[..., :channels], samples[..., channels:]
    alpha, associated, notes = _alpha(page, extra.shape[2])
    if photometric == _PALETTE:
        pixels: Pixels = _looked_up(page.colormap, colour[..., 0])
        bits_of_alpha = None if alpha is None else _full_range(extra[..., alpha, None], bits)
        if bits_of_alpha is not None and bits_of_alpha.dtype != np.uint8:
            raise DataError(f"{path} has a palette and alpha of {bits} bits, which are not read")
    else:
        pixels = _full_range(colour, bits)
        if photometric == _WHITE_IS_ZERO:
            pixels = _largest(pixels) - pixels
        elif photometric == _SEPARATED:
            from PIL import Image

            inks = Image.fromarray(np.ascontiguousarray(pixels), "CMYK")
            pixels = np.asarray(inks.convert("RGB"))
        bits_of_alpha = None if alpha is None else _full_range(extra[..., alpha, None], bits)
    if bits_of_alpha is None:
        return pixels, notes
    if associated:
        pixels = _straight(pixels, bits_of_alpha)
    return np.concatenate([pixels, bits_of_alpha], axis=2), notes


def _alpha(page: Any, n_extra: int) -> tuple[int | None, bool, tuple[str, ...]]:
    """Which extra channel is alpha, whether colours are multiplied by it, and what is left out."""
    if n_extra == 0:
        return None, False, ()
    tag = page.tags.get(_EXTRA)
    if tag is None:  # Of a single one that is not described, alpha is what is meant.
        kinds: tuple[int, ...] = (_UNASSOCIATED,) if n_extra == 1 else ()
    else:
        kinds = tuple(int(value) for value in np.atleast_1d(tag.value))
    found = next((k for k, kind in enumerate(kinds[:n_extra]) if kind in (1, 2)), None)
    left = n_extra - (found is not None)
    notes = (f"{left} of its channels, not said to be alpha, were left out",) if left else ()
    return found, found is not None and kinds[found] == _ASSOCIATED, notes


def _unit_range(path: Path, samples: NDArray[Any]) -> NDArray[np.float32]:
    """Floating-point samples as they are, if they are of [0, 1] and what may overshoot it."""
    low, high = FLOAT_RANGE
    if not ((samples >= low) & (samples <= high)).all():  # Not a number is in no interval.
        raise DataError(
            f"{path} holds floating-point samples from {samples.min():g} to {samples.max():g}; "
            "those of [0, 1] are read"
        )
    return samples.astype(np.float32)


def _full_range(samples: NDArray[Any], bits: int) -> Pixels:
    """Samples of 1 to 16 bits to the whole range of 8 or 16, rounded."""
    full = 255 if bits <= 8 else 65535
    if bits not in (8, 16):
        samples = np.rint(samples.astype(np.float64) * (full / (2**bits - 1)))
    if full == 255:
        return np.asarray(samples, dtype=np.uint8)
    return np.asarray(samples, dtype=np.uint16)


def _largest(pixels: Pixels) -> int:
    """What stands for full: of 8 bits or of 16."""
    return 255 if pixels.dtype == np.uint8 else 65535


def _looked_up(colours: Any, indices: NDArray[Any]) -> NDArray[np.uint8]:
    palette = np.asarray(colours).astype(np.uint16)
    # The palette of an 8-bit image has values times 256, or times 257.
    times_256 = not (palette & 255).any()
    narrow = palette >> 8 if times_256 else np.rint(palette / 257)
    table = np.moveaxis(narrow, 0, -1).astype(np.uint8)
    return np.asarray(table[indices.astype(np.intp)])


def _straight(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Colours that were multiplied by alpha to what they were; black where nothing is seen."""
    largest = _largest(pixels)
    ratio = pixels * (float(largest) / np.maximum(alpha, 1))
    straight = np.rint(np.clip(ratio, 0, largest))
    return straight.astype(np.uint8) if largest == 255 else straight.astype(np.uint16)
