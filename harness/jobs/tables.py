"""Tables collated from records: one row per cell, numbers unrounded. Kinds of job declare them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from harness.jobs.base import Record
from harness.jobs.kinds import kinds
from harness.system.stored import Part

Rows = list[dict[str, Any]]
Table = Callable[[Iterable[Record]], pd.DataFrame]

NETWORK = ("variant", "label", "scale", "weights")
"""What :func:`network` gives."""
ENDING = ("status", "reason", "job")
"""What :func:`ending` gives."""


def tables() -> dict[str, Table]:
    """Every table by the name of its file.

    Raises:
        ValueError: two kinds declare one.
    """
    found: dict[str, Table] = {}
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


def frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A table with cells as they came.

    A float column would turn whole numbers beside a missing one into 5.0.
    """
    return pd.DataFrame(rows, columns=list(columns), dtype=object)
