"""JPEG written strip by strip, each encoded by Pillow, whose scans are joined."""

import struct
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from harness.upscale.picture import Pixels, to_image

_FRAME, _SCAN = 0xC0, 0xDA
_RESTART, _END = b"\xff\xd7", b"\xff\xd9"


def write_jpeg(
    path: Path, strips: Iterable[Pixels], size: tuple[int, int], options: dict[str, Any]
) -> None:
    """Write a JPEG whose pixels are those that Pillow writes.

    A restart marker after each row of blocks makes the rows independent of each other. The markers
    count to eight, so strips of a multiple of eight rows of blocks follow on from one another.

    Args:
        path: to be written.
        strips: h x W x C, uint8, from top to bottom; all but the last of 64 rows or a multiple.
        size: W, H.
        options: of Pillow, of a baseline JPEG with standard tables, without subsampling.

    Raises:
        OSError: the disk is full.
    """
    with path.open("wb") as file:
        for number, strip in enumerate(strips):
            buffer = BytesIO()
            to_image(strip).save(buffer, "JPEG", restart_marker_rows=1, **options)
            content = bytearray(buffer.getvalue())
            if number == 0:
                frame = _segment(content, _FRAME)
                struct.pack_into(">H", content, frame + 5, size[1])
                file.write(content[: -len(_END)])
            else:
                scan = _segment(content, _SCAN)
                (length,) = struct.unpack_from(">H", content, scan + 2)
                file.write(_RESTART + content[scan + 2 + length : -len(_END)])
        file.write(_END)


def _segment(content: bytearray, wanted: int) -> int:
    """Where the first segment of a kind begins, at its marker."""
    place = 2
    while content[place + 1] != wanted:
        (length,) = struct.unpack_from(">H", content, place + 2)
        place += 2 + length
    return place
