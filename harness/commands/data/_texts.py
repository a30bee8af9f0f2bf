"""Sentences that several commands on datasets say."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.data.datasets import Dataset

N_NAMED = 3
"""How many files a sentence names before it only counts."""


def where_found(dataset: "Dataset") -> str:
    """The number of images found and expected, their folder, and what was left out."""
    folders = {path.parent for path in dataset.images}
    where = folders.pop() if len(folders) == 1 else dataset.folder
    expected = dataset.expected_images or 0
    n = len(dataset.images)
    counted = f"{n} of {expected} images" if n <= expected else dataset.counted
    return "; ".join(filter(None, (f"{counted} in {where}", dataset.left_out_note)))


def counted(names: Iterable[str], one: str, many: str) -> str:
    """``3 differ (a.png, b.png, c.png)``: how many, what about them, and the first names."""
    names = list(names)
    shown = ", ".join(names[:N_NAMED]) + (", ..." if len(names) > N_NAMED else "")
    verb = one if len(names) == 1 else many
    return f"{len(names)} {verb}" + (f" ({shown})" if names else "")
