"""Everything that a report is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.jobs.base import Record
from harness.metrics.registry import Metric, told
from harness.report.crops import Pictures
from harness.report.curves import Curve
from harness.report.rows import Cost, Latency, Quality, ReportRow
from harness.report.training import UNTOLD, Training, alike


@dataclass(frozen=True)
class ReportData:
    """Everything that a report is rendered from.

    Attributes:
        scales: in ascending order.
        datasets: the paper's in its order, then the others.
        rows: in the catalog's order.
        protocol: what the tables are about; other protocols' cells are in ``other_quality``.
        quality: by (row, scale, dataset).
        seed_quality: of trainings that differ in their seed; these stand apart.
        cost: by (variant, scale); of a network that a backend rewrote by (row.rewritten, scale).
        latency: all latencies, in order.
        trainings: how networks were trained, by (row, scale).
        absent_datasets: datasets that the run did not find, and why.
        failures: (what, why) of jobs that failed.
        problems: sentences about records that could not be used.
        run: ``run.json``, possibly empty.
        records: all that count, of any kind of job.
    """

    scales: Sequence[int]
    datasets: Sequence[str]
    rows: Sequence[ReportRow]
    protocol: str
    protocol_summary: str
    quality: Mapping[tuple[ReportRow, int, str], Quality]
    seed_quality: Mapping[tuple[ReportRow, int, str], Quality]
    other_quality: Sequence[Quality]
    cost: Mapping[tuple[str, int], Cost]
    latency: Sequence[Latency]
    trainings: Mapping[tuple[ReportRow, int], Training]
    curves: Sequence[Curve]
    pictures: Pictures
    absent_datasets: Mapping[str, str]
    failures: Sequence[tuple[str, str]]
    problems: Sequence[str]
    run: Mapping[str, Any]
    records: Sequence[Record]

    @property
    def metrics(self) -> dict[str, Metric]:
        """What cells are shown and compared by."""
        cells = (*self.quality.values(), *self.seed_quality.values())
        return told(cell.means for cell in cells)

    def cell(self, row: ReportRow, scale: int, dataset: str) -> Quality | None:
        """A measured cell: None where there is no mean to show."""
        cell = self.quality.get((row, scale, dataset))
        return cell if cell is not None and cell.status == "done" else None

    def cost_of(self, row: ReportRow, scale: int) -> Cost | None:
        """What a row's network costs: as its backend rewrote it, where it did."""
        return self.cost.get((row.rewritten, scale)) or self.cost.get((row.variant, scale))

    def training(self, row: ReportRow, scale: int) -> Training:
        """How a row's network for a scale was trained, as far as that is told."""
        return self.trainings.get((row, scale), UNTOLD)

    def apart(self, row: ReportRow, other: ReportRow, scale: int) -> str:
        """Why a difference between two rows may be one of their trainings; empty where it cannot.

        Interpolation and other programs have no training to be like another.
        """
        one, two = self.training(row, scale), self.training(other, scale)
        if row == other or "none" in (one.by, two.by) or "external" in (one.by, two.by):
            return ""
        same = row.variant == other.variant and one.sha256 == two.sha256 != ""
        if same or alike(one, two):
            return ""
        if one.group != two.group and (one.is_told or two.is_told or one.by != two.by):
            return "trained otherwise"
        return "training not told"

    def why_missing(self, row: ReportRow | None, scale: int, dataset: str) -> str:
        """Why a cell holds no figure."""
        cell = self.quality.get((row, scale, dataset)) if row else None
        if cell is not None and cell.status != "done":
            return cell.reason
        if dataset in self.absent_datasets:
            return self.absent_datasets[dataset]
        return "not in this run"

    @property
    def first_scale(self) -> int | None:
        """What a page shows at first: the middle one."""
        return self.scales[len(self.scales) // 2] if self.scales else None

    @property
    def first_dataset(self) -> str | None:
        """What a page shows at first: the one with the most images, that is, the best evidence."""
        images = {
            dataset: max(
                (c.n_images for c in self.quality.values() if c.dataset == dataset), default=0
            )
            for dataset in self.datasets
        }
        return max(images, key=lambda dataset: images[dataset]) if images else None
