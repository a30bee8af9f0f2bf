"""Networks with fewer parameters than the baseline, and which of them the first screen is about."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.analysis import Analysis, baseline_cost
from harness.report.data import ReportData
from harness.report.rows import ReportRow
from harness.report.standing import Standing, is_candidate, leaders, standings


@dataclass(frozen=True)
class Saving:
    """Parameters saved against the baseline: the least and the most over the scales.

    Attributes:
        least, most: parameters fewer; below zero are more.
        least_share, most_share: the same over the baseline's.
    """

    least: float
    most: float
    least_share: float
    most_share: float


def saving(data: ReportData, analysis: Analysis, row: ReportRow) -> Saving | None:
    """What a row saves at the scales where both were counted; None where they were not."""
    saved, shares = [], []
    for scale in data.scales:
        base = baseline_cost(data, analysis.baseline_name, scale)
        cost = data.cost_of(row, scale)
        ours = cost.figure("params") if cost and cost.status == "done" else None
        theirs = base.figure("params") if base else None
        if ours is not None and theirs:
            saved.append(theirs - ours)
            shares.append((theirs - ours) / theirs)
    return Saving(min(saved), max(saved), min(shares), max(shares)) if saved else None


def smaller_networks(data: ReportData, analysis: Analysis) -> list[tuple[Standing, Saving]]:
    """Those that save parameters at every scale and were compared, in the tables' order."""
    ranked = [standing for standing in standings(data, analysis) if is_candidate(standing.row)]
    found = [(standing, saving(data, analysis, standing.row)) for standing in ranked]
    return [(standing, saved) for standing, saved in found if saved and saved.least > 0]


def comparable(ranked: Sequence[Standing]) -> tuple[list[Standing], list[Standing]]:
    """Those over the most cells, and those over fewer: a mean over fewer is of other images."""
    whole = max((len(s.tested) for s in ranked), default=0)
    chosen = next((s.tested for s in ranked if len(s.tested) == whole), ())
    same = [s for s in ranked if s.tested == chosen]
    return same, [s for s in ranked if s.tested != chosen]


def leading(data: ReportData, analysis: Analysis) -> list[tuple[Standing, Saving]]:
    """The smaller network with the highest mean, and those that are not shown to be behind it."""
    savings = {standing.row: saved for standing, saved in smaller_networks(data, analysis)}
    same, _ = comparable([standing for standing, _ in smaller_networks(data, analysis)])
    return [(s, savings[s.row]) for s in leaders(data, same)] if same else []
