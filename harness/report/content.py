"""Everything that a report says, gathered once for all its formats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.report.analysis import Analysis, analyse
from harness.report.figures import Plot, draw
from harness.report.findings import bicubic_check, findings, report_warnings
from harness.report.metrics import METRICS
from harness.report.model import ReportData
from harness.report.setting import Pairs, compared, how_measured
from harness.report.table import Table
from harness.report.tables_cost import cost_table, counter_table
from harness.report.tables_latency import latency_table
from harness.report.tables_paper import compare_with_paper, long_table, paper_tables
from harness.report.tables_quality import quality_table, statistics_table

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
    findings: Sequence[str]
    warnings: Sequence[str]
    check: str
    paper: Sequence[Table]
    quality: Table
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
        return [*self.data_tables, self.quality, self.cost, self.counters, self.latency]


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
        paper=paper_tables(comparisons),
        quality=quality_table(data, analysis),
        cost=cost_table(data, baseline),
        counters=counter_table(data),
        latency=latency_table(data),
        data_tables=[long_table(comparisons), statistics_table(data, analysis)],
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
