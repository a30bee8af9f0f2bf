"""Latency as a table; the raw samples stay in the records."""

from collections.abc import Iterable

from harness.jobs.base import Record
from harness.jobs.latency.kind import KIND
from harness.jobs.latency.models import LatencyResult
from harness.jobs.tables import ENDING, NETWORK, RecordTable, ending, network, pick

_WHERE = ("device", "device_name", "dtype", "backend", "memory_format", "threads", "batch")
_SIZE = ("lr_height", "lr_width")
_FIGURES = tuple(LatencyResult.shown())


def latency_table(records: Iterable[Record]) -> RecordTable:
    """Latency per variant, scale and device."""
    rows = [
        {
            **network(r),
            **pick(r.spec, (*_WHERE, *_SIZE)),
            **pick(r.result, _FIGURES),
            **ending(r),
        }
        for r in KIND.records(records)
    ]
    return RecordTable(rows, [*NETWORK, *_WHERE, *_SIZE, *_FIGURES, *ENDING])


TABLES = {"latency.csv": latency_table}
