"""The spread over seeds: several trainings of one variant by one recipe."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from harness.report.metrics import METRICS, Metric
from harness.report.model import Entrant, ReportData


@dataclass(frozen=True)
class Spread:
    """Means of one metric over the seeds of one recipe.

    Attributes:
        n: seeds, at least two.
        deviation: sample standard deviation of the means, in the metric's unit.
        low: the lowest mean.
        high: the highest mean.
    """

    n: int
    deviation: float
    low: float
    high: float

    def text(self, metric: Metric) -> str:
        """For a cell."""
        return f"\u00b1{metric.value(self.deviation)} ({self.n} seeds)"


Spreads = Mapping[tuple[Entrant, int, str, str], Spread]


def seed_spreads(data: ReportData) -> Spreads:
    """The spread for each row of a family with two seeds or more, by metric key."""
    families: dict[tuple[str, str, str, str], dict[str, Entrant]] = {}
    for entrant in data.entrants:
        if entrant.seed is not None:
            kin = (entrant.variant, entrant.recipe, entrant.dtype, entrant.backend)
            families.setdefault(kin, {})[entrant.seed] = entrant
    spreads = {}
    for members in families.values():
        for scale in data.scales:
            for dataset in data.datasets:
                cells = [data.cell(e, scale, dataset) for e in members.values()]
                for key, metric in METRICS.items():
                    means = [m for c in cells if c and (m := c.finite_mean(metric)) is not None]
                    if len(means) < 2:
                        continue
                    spread = Spread(len(means), statistics.stdev(means), min(means), max(means))
                    for entrant in members.values():
                        spreads[entrant, scale, dataset, key] = spread
    return spreads
