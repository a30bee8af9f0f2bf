"""Costs as a table."""

from collections.abc import Iterable

from harness.jobs.base import Record
from harness.jobs.cost.kind import KIND
from harness.jobs.cost.models import CostResult
from harness.jobs.tables import ENDING, NETWORK, RecordTable, ending, network, pick

_SIZE = ("hr_height", "hr_width")
_FIGURES = ("lr_height", "lr_width", *CostResult.shown())
_COUNTERS = ("macs_fvcore", "macs_ptflops_aten", "macs_flop_counter")


def cost_table(records: Iterable[Record]) -> RecordTable:
    """Parameters, MACs and memory per variant and scale."""
    rows = []
    for r in KIND.records(records):
        counters = (r.result and r.result.counters) or ()
        counted = {f"macs_{counter.name}": counter.macs for counter in counters}
        macs = {name: counted.get(name) for name in _COUNTERS}
        row = {**network(r), **pick(r.spec, _SIZE), **pick(r.result, _FIGURES), **macs}
        rows.append({**row, **ending(r)})
    return RecordTable(rows, [*NETWORK, *_SIZE, *_FIGURES, *_COUNTERS, *ENDING])


TABLES = {"cost.csv": cost_table}
