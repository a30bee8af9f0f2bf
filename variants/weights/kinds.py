"""The format of a weights file, by its content rather than its name. Imports no torch."""

import json
import stat
from pathlib import Path
from typing import Any, Literal

from variants.errors import WeightsError

Kind = Literal["safetensors", "torch", "mat"]
FORMATS = (".mat", ".pth", ".pt", ".safetensors")
LARGEST_HEADER_BYTES = 100_000_000

_BY_ENDING: dict[str, Kind] = {
    ".safetensors": "safetensors",
    ".pth": "torch",
    ".pt": "torch",
    ".ckpt": "torch",
    ".mat": "mat",
}
_NOT_WEIGHTS = (
    (b"version https://git-lfs", "a git-LFS pointer, not the file itself: run `git lfs pull`"),
    (b"<!doctype", "a web page, not weights: download the file itself"),
    (b"<html", "a web page, not weights: download the file itself"),
    (b"matlab 7.3", "a MATLAB 7.3 file (HDF5); save it in MATLAB with `save -v7`"),
    (b"\x89hdf", "an HDF5 file; known formats are .mat (version 7 or older), .pth, .safetensors"),
    (b"\x1f\x8b", "compressed by gzip; unpack it first"),
)


def kind_of(path: Path) -> Kind:
    """The format of a weights file.

    Raises:
        WeightsError: no file, or none of weights; says what it is instead where that shows.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # Names that no file can have among them.
        raise WeightsError(f"no weights file at {path}") from None
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise WeightsError(f"{path} is {what}, not a weights file")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise WeightsError(f"cannot read weights {path}: {error.strerror}") from error
    if not head:
        raise WeightsError(f"{path} is empty")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, what in _NOT_WEIGHTS:
        if text.startswith(start):
            raise WeightsError(f"{path} is {what}")
    if head[257:262] == b"ustar":
        raise WeightsError(f"{path} is a tar archive; unpack it first")
    return _by_content(head) or _by_ending(path)


def _by_content(head: bytes) -> Kind | None:
    # A header's length of at most 100 MB leaves these bytes zero, which no pickle does.
    if head[4:9] == b"\0\0\0\0{":
        return "safetensors"
    if head.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return "torch"
    return "mat" if head.startswith(b"MATLAB 5.0") else None


def _by_ending(path: Path) -> Kind:
    """What a damaged file was meant to be, so that its reader says what is wrong."""
    ending = path.suffix.lower()
    if ending not in _BY_ENDING:
        raise WeightsError(f"{path}: unknown format {ending!r}; known are {', '.join(FORMATS)}")
    return _BY_ENDING[ending]


def read_metadata(path: Path) -> dict[str, str]:
    """A safetensors file's metadata, from its header alone.

    Empty for other formats and for damaged files, whose readers have a reason of their own.
    """
    try:
        if kind_of(path) != "safetensors":
            return {}
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > LARGEST_HEADER_BYTES:
                return {}
            header: Any = json.loads(file.read(size))
            return {str(key): str(value) for key, value in header["__metadata__"].items()}
    except (OSError, ValueError, AttributeError, LookupError, TypeError, RecursionError):
        return {}
