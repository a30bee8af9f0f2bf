"""Where one network errs less than another: a signed difference of their error maps."""

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, UnidentifiedImageError

from harness.report.crops import Change, Group, Picture, Shot

END = 0.05
"""Of the peak, where the colours end: what is beyond has the last colour."""

_LESS, _MORE = (10, 92, 168), (179, 79, 0)


def with_changes(groups: Sequence[Group], left: str, right: str) -> list[Group]:
    """Each group that has error maps of both networks on one scale with their difference."""
    return [replace(group, change=_change(group, left, right)) for group in groups]


def _change(group: Group, left: str, right: str) -> Change | None:
    shots = {shot.row.title: shot for shot in group.shots}
    if left == right or left not in shots or right not in shots:
        return None
    try:
        before, after = _errors(shots[left]), _errors(shots[right])
    except (OSError, ValueError, UnidentifiedImageError):
        return None
    if before is None or after is None or before.shape != after.shape:
        return None
    share = np.clip((before - after) / END, -1, 1)[..., None]
    colours = np.where(share > 0, _LESS, _MORE)
    pixels = np.rint(255 + np.abs(share) * (colours - 255.0)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    words = (
        f"Blue: {right} errs less than {left}, orange: more; white is no difference, full colour "
        f"{END:g} of the peak."
    )
    return Change(Picture(file.getvalue(), "png"), left, right, END, words)


def _errors(shot: Shot) -> np.ndarray | None:
    """Absolute errors of Y in shares of the peak, as the map holds them."""
    if shot.error is None or shot.error_max is None:
        return None
    with Image.open(io.BytesIO(shot.error.content)) as image:
        return np.asarray(image.convert("L"), dtype=np.float64) / 255 * shot.error_max
