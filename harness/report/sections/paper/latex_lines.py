"""What ``table1.tex`` holds: our rows of Table 1, in groups that were trained alike."""

from collections.abc import Sequence

from harness.metrics.registry import PSNR
from harness.report import paper
from harness.report.analysis import Analysis, why_not_paired
from harness.report.data import ReportData
from harness.report.latex import Line, Scale, table1
from harness.report.rows import ReportRow
from harness.report.sections.paper.comparisons import Comparison, best_of, groups_of
from harness.report.standing import pooled_difference
from harness.report.text import number


def latex_table(
    data: ReportData, analysis: Analysis, comparisons: Sequence[Comparison]
) -> dict[str, str]:
    """``table1.tex`` by its name; nothing where nothing of Table 1 was measured."""
    measured = [c for c in comparisons if c.ours is not None]
    datasets = [d for d in paper.DATASET_IMAGES if any(c.dataset == d for c in measured)]
    best = best_of(data, comparisons)
    scales = []
    for scale in sorted({c.scale for c in measured}):
        groups = groups_of(data, scale, [c.row for c in measured if c.scale == scale and c.row])
        lines = [
            [_line(data, analysis, row, scale, datasets, comparisons, best) for row in group]
            for group in groups
        ]
        scales.append(Scale(scale, lines))
    if not scales:
        return {}
    labels = [metric.label for metric in paper.METRICS.values()]
    return {"table1.tex": table1(datasets, labels, scales, analysis.baseline_title)}


def _line(
    data: ReportData,
    analysis: Analysis,
    row: ReportRow,
    scale: int,
    datasets: Sequence[str],
    comparisons: Sequence[Comparison],
    best: set[Comparison],
) -> Line:
    cells = {(c.dataset, c.metric.key): c for c in comparisons if c.row == row and c.scale == scale}
    found = [[cells[dataset, key] for key in paper.METRICS] for dataset in datasets]
    ours = [
        [("" if c.ours is None else c.metric.value(c.ours), c in best) for c in cell]
        for cell in found
    ]
    theirs = [
        [(number(c.theirs, paper.printed_digits(c.metric)), False) for c in cell] for cell in found
    ]
    bases = {d: analysis.baselines.get((scale, d)) for d in datasets}
    pairs = [
        ((scale, dataset), row, base)
        for dataset, base in bases.items()
        if base is not None and base != row and _comparable(data, row, base, scale, dataset)
    ]
    # A mean over fewer datasets would be another figure.
    over = pooled_difference(data, pairs) if len(pairs) == len(datasets) else None
    if over is None:
        return Line(row.title, ours, theirs)
    interval = f"[{PSNR.delta(over.low)}, {PSNR.delta(over.high)}]"
    return Line(row.title, ours, theirs, PSNR.delta(over.mean), interval)


def _comparable(
    data: ReportData, row: ReportRow, base: ReportRow, scale: int, dataset: str
) -> bool:
    one, other = data.cell(row, scale, dataset), data.cell(base, scale, dataset)
    if one is None or other is None or why_not_paired(one, other, PSNR.key):
        return False
    return any({row, base} <= set(group) for group in groups_of(data, scale, [base, row]))
