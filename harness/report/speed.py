"""Latencies that were measured in turns, compared round by round."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from harness.jobs.latency.models import LatencyResult
from harness.networks.identity import DEFAULT_MEMORY_FORMAT
from harness.report.latencies import median_bounds
from harness.report.rows import Latency
from harness.statistics.bootstrap import Float64Array
from harness.statistics.rounds import (
    MIN_ROUNDS,
    SpeedVerdict,
    median_interval,
    p_faster,
    verdict_of,
)


@dataclass(frozen=True)
class Speed:
    """How fast one call is beside another.

    Attributes:
        ratio: the other's time over this one's, above 1 is faster: the median over the rounds, or
            the ratio of the medians where there are no common rounds; None without medians.
        low, high: 95 % bootstrap interval; None where it was not paired.
        rounds: how many both were measured in.
        why: why there is no verdict.
        p_faster: of the sign test that this one is faster by more than the margin; 1 without one.
    """

    ratio: float | None
    low: float | None
    high: float | None
    rounds: int
    verdict: SpeedVerdict
    why: str = ""
    p_faster: float = 1.0


def compare_speed(ours: Latency, base: Latency) -> Speed:
    """Our speed beside the base's; exchanging the two turns every ratio and verdict round."""
    times, why = _common_rounds(ours, base)
    if why:
        mine, theirs = ours.figure("median_ms"), base.figure("median_ms")
        ratio = theirs / mine if mine and theirs else None
        return Speed(ratio, None, None, len(times), "no verdict", why)
    logs = np.log(times[:, 1]) - np.log(times[:, 0])
    low, high = median_interval(logs)
    verdict = verdict_of(low, high)
    ratio, low, high = (float(np.exp(value)) for value in (np.median(logs), low, high))
    return Speed(ratio, low, high, len(times), verdict, p_faster=p_faster(logs))


def _common_rounds(ours: Latency, base: Latency) -> tuple[Float64Array, str]:
    """Times in ms of both, common rounds x 2; and why they do not do for a verdict."""
    none = np.empty((0, 2))
    one, other = ours.result, base.result
    if not (one and other and one.group and other.group and one.rounds and other.rounds):
        return none, "the records do not say which passes took turns"
    if one.group != other.group:
        return none, "not measured in turns, but in different processes"
    a, b = _by_round(one), _by_round(other)
    times = np.array([(a[r], b[r]) for r in sorted(a.keys() & b.keys())]).reshape(-1, 2)
    if not (np.isfinite(times) & (times > 0)).all():
        return none, "a time is no positive number"
    few = f"{len(times)} rounds in common; a verdict needs {MIN_ROUNDS}"
    return times, few if len(times) < MIN_ROUNDS else ""


def _by_round(result: LatencyResult) -> dict[int, float]:
    pairs = sorted(zip(result.rounds or (), result.samples_ms or (), strict=True))
    groups = groupby(pairs, key=lambda pair: pair[0])
    return {number: float(np.median([time for _, time in group])) for number, group in groups}


def baseline_of(cell: Latency, cells: Sequence[Latency], names: Container[str]) -> Latency | None:
    """The row of a baseline variant that was measured and executed alike."""
    return next(
        (c for c in cells if c.row.variant in names and _place(c, cell) and _alike(c, cell)), None
    )


def without_drift(
    cell: Latency, cells: Sequence[Latency], names: Container[str]
) -> tuple[float, float, float]:
    """A time in ms and its bounds, for comparing it with others: the baseline's over the speed.

    Medians of rows that took turns drift together, so that they alone should not be compared. The
    baseline in eager float32 is what the times are beside, and exact; where nothing was measured in
    turns the median's own bounds have to do.
    """
    base = baseline_of(cell, cells, names)
    if base is None:
        return median_bounds(cell)
    median, low, high = median_bounds(base)
    if base.row.is_plain:
        low = high = median
    if base is cell:
        return median, low, high
    speed = compare_speed(cell, base)
    if not speed.ratio or not speed.low or not speed.high:
        return median_bounds(cell)
    return median / speed.ratio, low / speed.high, high / speed.low


def plain_of(cell: Latency, cells: Sequence[Latency]) -> Latency | None:
    """The same variant in eager float32: contiguous where that was measured."""
    mine = [
        c for c in cells if c.row.variant == cell.row.variant and _place(c, cell) and c.row.is_plain
    ]
    return min(mine, key=lambda c: c.spec.memory_format == DEFAULT_MEMORY_FORMAT, default=None)


def _place(one: Latency, other: Latency) -> bool:
    return one.status == other.status == "done" and (one.scale, one.spec.device, one.place) == (
        other.scale,
        other.spec.device,
        other.place,
    )


def _alike(one: Latency, other: Latency) -> bool:
    a, b = one.row, other.row
    return (*a.execution, one.spec.memory_format) == (*b.execution, other.spec.memory_format)
