"""Trainings that differ in their seed: their spread, and how much of a difference it explains."""

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.metrics.registry import PSNR, Metric
from harness.report.data import ReportData
from harness.report.rows import Place, Quality, ReportRow
from harness.report.training import alike


@dataclass(frozen=True)
class Trained:
    """Networks of one variant: one, or one per seed of a recipe.

    Attributes:
        recipe: of the seeds, or the label of weights that stand alone.
        members: by seed; ``""`` for a network that stands alone.
    """

    variant: str
    label: str
    recipe: str
    members: Mapping[str, ReportRow]

    @property
    def row(self) -> ReportRow:
        """Any of them: what does not depend on the training is the same in all."""
        return next(iter(self.members.values()))


def seed_groups(data: ReportData) -> list[Trained]:
    """Every variant's trainings by one recipe in eager float32, in the catalog's order."""
    found: dict[tuple[str, str], dict[str, ReportRow]] = {}
    for row, _, _ in data.seed_quality:
        if row.seed is not None and row.is_plain:
            found.setdefault((row.variant, row.recipe), {})[row.seed] = row
    return [
        Trained(variant, next(iter(members.values())).label, recipe, members)
        for (variant, recipe), members in found.items()
    ]


def seed_cells(data: ReportData, trained: Trained, place: Place) -> dict[str, Quality]:
    """Measured cells by seed, of the same images as the first."""
    cells = ((s, data.seed_quality.get((e, *place))) for s, e in trained.members.items())
    done = {seed: cell for seed, cell in cells if cell is not None and cell.status == "done"}
    first = next(iter(done.values()), None)
    return {
        seed: cell
        for seed, cell in done.items()
        if first is not None and _content(cell) == _content(first)
    }


def _content(cell: Quality) -> tuple[tuple[str, ...], str | None]:
    return cell.images, cell.spec.dataset.sha256


@dataclass(frozen=True)
class Noise:
    """How far a mean moves from one seed to the next.

    Attributes:
        deviation: standard deviation over seeds, pooled over the variants, in the metric's unit.
        variants: how many variants that is from.
        networks: how many trainings.
        places: over how many pairs of scale and dataset each mean is.
    """

    deviation: float
    variants: int
    networks: int
    places: int

    def of_difference(self, seeds: int = 1) -> float:
        """Of a difference between two variants, each the mean over so many trainings."""
        return math.sqrt(2 / seeds) * self.deviation

    def explains(self, difference: float, seeds: int = 1) -> bool:
        """Whether a difference is less than twice the noise of one: seeds alone make such."""
        return abs(difference) < 2 * self.of_difference(seeds)


def seeds_like(data: ReportData, trained: Trained) -> list[Trained]:
    """The trainings by seed whose noise bears on a network.

    Those of its own recipe, where it has seeds itself; else those that are known to have had the
    same recipe, steps, data and start. Other budgets say nothing of this one.
    """
    groups = seed_groups(data)
    if "" not in trained.members:
        return [group for group in groups if group.recipe == trained.recipe]
    return [
        group
        for group in groups
        if all(
            alike(data.training(row, scale), data.training(trained.row, scale))
            for row in group.members.values()
            for scale in data.scales
            if (row, scale) in data.trainings
        )
    ]


def seed_noise(
    data: ReportData, metric: Metric, places: Iterable[Place], groups: Iterable[Trained]
) -> Noise | None:
    """The noise of a metric's mean over places, by trainings that differ in their seed.

    None where fewer than two seeds of one variant were measured at every one of the places: the
    noise of a mean over other places is another noise.
    """
    shared = list(places)
    if not shared:
        return None
    several = [
        trained
        for trained in groups
        if all(len(seed_cells(data, trained, p)) == len(trained.members) > 1 for p in shared)
    ]
    found = [
        means for trained in several if len(means := [*_means(data, trained, metric, shared)]) > 1
    ]
    freedom = sum(len(means) - 1 for means in found)
    if not freedom:
        return None
    square = sum((len(means) - 1) * statistics.variance(means) for means in found) / freedom
    networks = sum(len(means) for means in found)
    return Noise(math.sqrt(square), len(found), networks, len(shared))


def noise_of(data: ReportData, row: ReportRow, places: Iterable[Place]) -> Noise | None:
    """The noise in PSNR of a row's mean over places, by trainings like its own."""
    alone = Trained(row.variant, row.label, row.weights, {row.seed or "": row})
    if row.seed is not None:
        alone = Trained(row.variant, row.label, row.recipe, {row.seed: row})
    return seed_noise(data, PSNR, places, seeds_like(data, alone))


def _means(
    data: ReportData, trained: Trained, metric: Metric, places: list[Place]
) -> Iterator[float]:
    """Each seed's mean over places, where all are finite."""
    for row in trained.members.values():
        cells = [data.seed_quality[row, *place] for place in places]
        means = [m for cell in cells if (m := cell.finite_mean(metric)) is not None]
        if len(means) == len(places):
            yield statistics.fmean(means)
