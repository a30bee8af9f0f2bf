"""Everything that a report says, gathered once for all its formats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.report.analysis import Analysis, analyse
from harness.report.cautions import bicubic_check, report_warnings
from harness.report.crops import Pictures
from harness.report.data import ReportData
from harness.report.figures import Plot, draw
from harness.report.findings import Finding, findings
from harness.report.metrics import METRICS
from harness.report.sections.compression.seeds import seeds_table
from harness.report.sections.compression.sharing import sharing_table
from harness.report.sections.cost.costs import cost_table, counter_table
from harness.report.sections.cost.modules import breakdown_table, module_table
from harness.report.sections.latency.latencies import latency_table, speed_table
from harness.report.sections.paper.agreement import authors_table, met_table
from harness.report.sections.paper.comparisons import compare_with_paper, long_table, paper_tables
from harness.report.sections.pictures.fitting import fitting
from harness.report.sections.quality.other_protocols import other_table
from harness.report.sections.quality.overview import efficiency_table, overview_table
from harness.report.sections.quality.qualities import quality_table, statistics_table
from harness.report.setting import Pairs, compared, how_measured
from harness.report.table import Table

PLOT_GROUPS = {
    "pareto": "Quality against cost: the dashed line joins what nothing cheaper beats",
    "strips": "Differences per image",
    "scales": "By scale",
    "curves": "Training",
}
TITLE = "What does an upsampler cost, and what does it give?"


@dataclass(frozen=True)
class Content:
    """One report.

    Attributes:
        summary: what was compared.
        findings, warnings: for the first screen.
        check: the protocol check in one sentence.
        paper: one table per scale.
        data_tables: unrounded, for CSV only.
    """

    data: ReportData
    analysis: Analysis
    summary: str
    findings: Sequence[Finding]
    warnings: Sequence[str]
    check: str
    met: Table
    paper: Sequence[Table]
    authors: Table
    overview: Table
    quality: Table
    sharing: Table
    seeds: Table
    others: Table
    efficiency: Table
    breakdown: Table
    modules: Table
    cost: Table
    counters: Table
    latency: Table
    data_tables: Sequence[Table]
    plots: Sequence[Plot]
    how: Pairs
    notes: Sequence[str]

    @property
    def csv_tables(self) -> list[Table]:
        """What becomes ``tables/*.csv``."""
        tables = [*self.data_tables, self.overview, self.efficiency, self.cost, self.counters]
        tables += [self.breakdown, self.modules, self.latency, self.sharing, self.seeds]
        return [*tables, self.met, self.authors]

    @property
    def plot_groups(self) -> list[tuple[str, str]]:
        """Groups that have a plot, and their headings."""
        drawn = {plot.group for plot in self.plots}
        return [(group, words) for group, words in PLOT_GROUPS.items() if group in drawn]

    @property
    def quality_by_scale(self) -> list[Table]:
        """The quality table in parts, for a page without a switch."""
        return self.quality.by_scale()

    @property
    def overview_by_scale(self) -> list[Table]:
        """The overview in parts that fit a narrow page."""
        return [self.overview.columns_of(scale) for scale in self.data.scales]

    @property
    def sharing_by_scale(self) -> list[Table]:
        """What sharing costs, in parts that fit a narrow page."""
        return self._parts(self.sharing)

    @property
    def authors_by_scale(self) -> list[Table]:
        """The gap to the authors' networks, in parts that fit a narrow page."""
        return self._parts(self.authors)

    def _parts(self, table: Table) -> list[Table]:
        parts = [table.columns_of(scale) for scale in self.data.scales]
        return [part for part in parts if len(part.columns) > 1]

    def plots_by_place(self, group: str) -> list[tuple[str, list[Plot]]]:
        """A group's plots by scale and dataset: what a page shows first, then in order."""
        places: dict[str, list[Plot]] = {}
        for plot in self.plots:
            if plot.group == group:
                places.setdefault(_place(plot.dataset, plot.scale), []).append(plot)
        first = self.first_place(list(places))
        return sorted(places.items(), key=lambda item: item[0] != first)

    def first_place(self, places: Sequence[str]) -> str:
        """What a page without a switch shows first, and opened."""
        wanted = [
            _place(self.first_dataset, self.first_scale),
            _place(self.first_dataset, None),
            _place(None, self.first_scale),
        ]
        return next((place for place in wanted if place in places), places[0] if places else "")

    @property
    def first_scale(self) -> int | None:
        """What a page shows at first: the middle one."""
        scales = self.data.scales
        return scales[len(scales) // 2] if scales else None

    @property
    def first_dataset(self) -> str | None:
        """What a page shows at first: the one with the most images, that is, the best evidence."""
        images = {
            dataset: max(
                (c.n_images for c in self.data.quality.values() if c.dataset == dataset), default=0
            )
            for dataset in self.data.datasets
        }
        return max(images, key=lambda dataset: images[dataset]) if images else None

    @property
    def pictures(self) -> Pictures:
        """What the page has room for."""
        return fitting(self.data.pictures)


def _place(dataset: str | None, scale: int | None) -> str:
    words = [dataset or "", f"{scale}\u00d7" if scale else ""]
    return " ".join(word for word in words if word)


def gather(
    data: ReportData, baseline: str, tolerances: Mapping[str, float] | None = None
) -> Content:
    """Analyse, tabulate and draw.

    Args:
        data: from :func:`harness.report.collect.collect`.
        baseline: a variant's name, or the title of a row.
        tolerances: by metric key, where they differ from the metrics' own.
    """
    within = {key: metric.tolerance for key, metric in METRICS.items()} | dict(tolerances or {})
    analysis = analyse(data, baseline)
    comparisons = compare_with_paper(data, within)
    return Content(
        data=data,
        analysis=analysis,
        summary=compared(data),
        findings=findings(data, analysis, comparisons),
        warnings=report_warnings(data, analysis, comparisons),
        check=bicubic_check(comparisons),
        met=met_table(comparisons),
        paper=paper_tables(comparisons),
        authors=authors_table(data),
        overview=overview_table(data, analysis),
        quality=quality_table(data, analysis),
        sharing=sharing_table(data, analysis),
        seeds=seeds_table(data),
        others=other_table(data),
        efficiency=efficiency_table(data, analysis),
        breakdown=breakdown_table(data),
        modules=module_table(data),
        cost=cost_table(data, baseline),
        counters=counter_table(data),
        latency=latency_table(data, baseline),
        data_tables=[
            long_table(comparisons),
            statistics_table(data, analysis),
            speed_table(data, baseline),
        ],
        plots=draw(data, analysis),
        how=how_measured(data, baseline, within),
        notes=_notes(data),
    )


def _notes(data: ReportData) -> list[str]:
    """What the run says of itself, and every failure and unusable record in full."""
    run = data.run.get("notes")
    notes = [str(note) for note in run] if isinstance(run, list) else []
    notes += [f"{what} failed: {why}" for what, why in data.failures]
    notes += list(data.problems)
    notes += [f"{name}: {why}" for name, why in data.absent_datasets.items()]
    return notes
