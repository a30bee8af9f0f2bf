"""Tables collated from records: one row per cell, numbers unrounded. Kinds of job declare them."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.jobs.base import Record
from harness.jobs.kinds import kinds
from harness.system.stored import Part

if TYPE_CHECKING:
    import pandas as pd

Rows = list[dict[str, Any]]

NETWORK = ("variant", "label", "scale", "weights")
"""What :func:`network` gives."""
ENDING = ("status", "reason", "job")
"""What :func:`ending` gives."""


@dataclass(frozen=True)
class RecordTable:
    """Rows of a table file, cells as they came.

    Attributes:
        rows: by column; a cell that a row lacks, or that is None or NaN, is empty.
        columns: in their order.
    """

    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]

    def csv(self) -> str:
        """The text of the file; without pandas, whose import takes longer than a finished run."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        for row in self.rows:
            cells = [row.get(name) for name in self.columns]
            writer.writerow(["" if cell != cell else cell for cell in cells])
        return text.getvalue()

    def frame(self) -> "pd.DataFrame":
        """As a data frame whose columns of numbers are numbers."""
        import pandas as pd

        # As objects first: beside a missing one, whole numbers would turn into floats.
        return pd.DataFrame(self.rows, columns=list(self.columns), dtype=object).infer_objects()


MakeTable = Callable[[Iterable[Record]], RecordTable]


def tables() -> dict[str, MakeTable]:
    """Every table by the name of its file.

    Raises:
        ValueError: two kinds declare one.
    """
    found: dict[str, MakeTable] = {}
    for kind in kinds().values():
        for name, table in kind.tables().items():
            if found.setdefault(name, table) is not table:
                raise ValueError(f"two kinds of job make {name}; one is {kind.name}")
    return found


def network(record: Record) -> dict[str, Any]:
    """The first columns: which network it is."""
    spec = record.spec
    values = (spec.variant.name, spec.variant.label, spec.scale, spec.weights.label)
    return dict(zip(NETWORK, values, strict=True))


def ending(record: Record) -> dict[str, Any]:
    """The last columns: how it went, and the record."""
    return {"status": record.status, "reason": record.reason or "", "job": record.id}


def pick(part: Part | None, names: Iterable[str]) -> dict[str, Any]:
    """Named values, None where they are missing."""
    return {name: getattr(part, name, None) for name in names}
