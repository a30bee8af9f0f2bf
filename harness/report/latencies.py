"""Which latency stands for a network where one figure has to."""

import math
from collections.abc import Sequence

from harness.report.data import ReportData
from harness.report.rows import Latency, ReportRow
from harness.report.text import number


def usual_latencies(data: ReportData, scale: int) -> tuple[str, list[Latency]]:
    """The latencies of one device and size: of several the one with the most rows."""
    places: dict[str, list[Latency]] = {}
    for cell in data.latency:
        if cell.scale == scale and cell.figure("median_ms") is not None:
            places.setdefault(cell.place, []).append(cell)
    if not places:
        return "", []
    return max(places.items(), key=lambda item: (len(item[1]), item[0]))


def latency_of(times: Sequence[Latency], row: ReportRow) -> Latency | None:
    """A row's own latency, else its variant's: weights do not change the time."""
    same = [t for t in times if t.row.variant == row.variant]
    same = [t for t in same if t.row.execution == row.execution]
    own = [t for t in same if t.row.weights == row.weights]
    return next(iter([*own, *same]), None)


def told_times(data: ReportData) -> list[str]:
    """Latencies that others state of networks that were not run here, with who says so."""
    sentences = []
    for cost in data.cost.values():
        found, spec = cost.result, cost.spec
        if found is not None and found.told_ms is not None:
            sentences.append(
                f"{found.told_by} says that a forward pass of {cost.row.title} at "
                f"{cost.scale}\u00d7 takes {number(found.told_ms, 2)} ms, for "
                f"{spec.hr_width}\u00d7{spec.hr_height} pixels. It was not measured here, so it "
                "is compared with nothing."
            )
    return sentences


def time_of(times: Sequence[Latency], row: ReportRow) -> float | None:
    """The median of :func:`latency_of` in ms."""
    found = latency_of(times, row)
    return found.figure("median_ms") if found else None


def median_bounds(cell: Latency) -> tuple[float, float, float]:
    """The median in ms and about its 95 % interval: 1.57 IQR over the root of the passes.

    McGill, Tukey and Larsen, Variations of Box Plots (1978).
    """
    median, iqr, n = (cell.figure(key) for key in ("median_ms", "iqr_ms", "n"))
    if median is None:
        raise ValueError("a latency without a median")
    reach = 1.57 * iqr / math.sqrt(n) if iqr is not None and n else 0.0
    return median, median - reach, median + reach
