"""Quality tables: means with intervals, differences to the baseline, verdicts."""

from harness.metrics.registry import PSNR, Metric
from harness.report.analysis import Analysis, Estimate
from harness.report.data import ReportData
from harness.report.rows import Quality, ReportRow
from harness.report.table import Cell, Column, Row, Table, missing, text_cell
from harness.report.text import NONE, p_value
from harness.report.verdicts import MARKS
from harness.statistics.paired import Paired

_VERDICT_SIGNS = {
    "better": "\u25b2 better",
    "worse": "\u25bc worse",
    "no difference shown": "= no difference shown",
    "no verdict": "no verdict",
}

_COLUMNS = [
    Column("variant", "Variant", "whose weights in brackets", numeric=False),
    Column("scale", "Scale"),
    Column("dataset", "Dataset", numeric=False),
    Column("n_images", "Images"),
    Column("psnr_y_db", "PSNR (dB)", "mean over images; below it a 95% bootstrap interval"),
    Column("psnr_y_delta_db", "\u0394 PSNR (dB)", "mean per-image difference to the baseline"),
    Column("p_holm", "p", "Wilcoxon signed-rank, Holm-corrected over the rows of a cell"),
    Column("verdict", "Verdict", "better or worse than the baseline in PSNR", numeric=False),
    Column("wins", "Wins", "images with a higher and with a lower PSNR than the baseline"),
]
"""PSNR is shown in full, whatever else is measured; :func:`_further` adds the other metrics."""


def _further(data: ReportData) -> list[Metric]:
    return [metric for metric in data.metrics.values() if metric is not PSNR]


def _columns(data: ReportData) -> list[Column]:
    columns = list(_COLUMNS)
    for metric in _further(data):
        key, words = metric.key, f"better or worse in {metric.label}"
        mean = "mean over images; below it a 95% bootstrap interval"
        delta = f"\u0394 {metric.heading}"
        columns += [
            Column(key, metric.heading, mean),
            Column(f"{key}_delta", delta, "mean per-image difference to the baseline"),
            Column(
                f"{key.removesuffix('_y')}_verdict",
                f"Verdict ({metric.label})",
                words,
                numeric=False,
            ),
        ]
    return columns


def quality_table(data: ReportData, analysis: Analysis) -> Table:
    """One row per variant, scale and dataset, unmeasured ones included."""
    rows = []
    for scale in data.scales:
        for dataset in data.datasets:
            for row in data.rows:
                if (row, scale, dataset) in data.quality:
                    rows.append(_row(data, analysis, row, scale, dataset))
    return Table("quality", "Quality per variant, scale and dataset", _columns(data), rows)


def _row(
    data: ReportData,
    analysis: Analysis,
    row: ReportRow,
    scale: int,
    dataset: str,
) -> Row:
    cell = data.cell(row, scale, dataset)
    is_base = analysis.is_baseline(row, scale, dataset)
    head = [
        Cell(row.title, value=row.title, sub="baseline" if is_base else ""),
        Cell(f"{scale}\u00d7", value=scale),
        text_cell(dataset),
    ]
    if cell is None:
        why = data.why_missing(row, scale, dataset)
        blank = [Cell(NONE, note=why, marks=("missing",)) for _ in _columns(data)[5:]]
        return Row([*head, Cell(NONE), missing(why), *blank], scale, dataset)
    psnr = analysis.estimate(row, scale, dataset, PSNR.key)
    figures = [
        Cell(str(cell.n_images), value=cell.n_images),
        _mean(cell, psnr, PSNR),
        _delta(psnr, PSNR, is_base=is_base),
        _p(psnr),
        _verdict(psnr, is_base=is_base),
        _wins(psnr.paired),
    ]
    for metric in _further(data):
        found = analysis.estimate(row, scale, dataset, metric.key)
        figures.append(_mean(cell, found, metric))
        figures.append(_delta(found, metric, is_base=is_base))
        figures.append(_verdict(found, is_base=is_base))
    return Row([*head, *figures], scale, dataset, marks=("baseline",) if is_base else ())


def _mean(cell: Quality, estimate: Estimate, metric: Metric) -> Cell:
    mean = cell.mean(metric)
    if mean is None:
        return missing("not in the record")
    is_odd = cell.finite_mean(metric) is None
    note = _not_finite(cell, metric) if is_odd else ""
    marks = ("warn",) if is_odd else ()
    sub = note if note else interval(estimate.low, estimate.high, metric)
    return Cell(metric.value(mean), value=mean, note=note, marks=marks, sub=sub)


def _not_finite(cell: Quality, metric: Metric) -> str:
    """What lies behind a mean that is no finite number."""
    values = cell.values.get(metric.key)
    if values is None:
        return "no figures per image in the record"
    infinite = sum(v == float("inf") for v in values.tolist())
    undefined = sum(v != v for v in values.tolist())
    parts = [f"{infinite} identical to HR"] if infinite else []
    parts += [f"{undefined} not a number"] if undefined else []
    return f"{' and '.join(parts) or 'the record says so'} of {cell.n_images} images"


def interval(low: float | None, high: float | None, metric: Metric) -> str:
    """An interval as text; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"[{metric.value(low)}, {metric.value(high)}]"


def _delta(estimate: Estimate, metric: Metric, *, is_base: bool) -> Cell:
    paired = estimate.paired
    if paired is None:
        return Cell(NONE, note="the baseline itself" if is_base else estimate.why, marks=("quiet",))
    finite = paired.low == paired.low
    sub = f"[{metric.delta(paired.low)}, {metric.delta(paired.high)}]" if finite else ""
    return Cell(metric.delta(paired.mean), value=paired.mean, sub=sub)


def _p(estimate: Estimate) -> Cell:
    paired = estimate.paired
    if paired is None or paired.p_holm != paired.p_holm:
        return Cell(NONE, note=estimate.why, marks=("quiet",))
    note = f"uncorrected: {p_value(paired.p)}"
    return Cell(p_value(paired.p_holm), value=paired.p_holm, note=note)


def _verdict(estimate: Estimate, *, is_base: bool) -> Cell:
    if is_base:
        return Cell("baseline", value="baseline", marks=("quiet",))
    paired = estimate.paired
    if paired is None:
        return Cell("no verdict", value="no verdict", note=estimate.why, marks=("quiet",))
    return Cell(
        _VERDICT_SIGNS[paired.verdict],
        value=paired.verdict,
        note=paired.why,
        marks=(MARKS[paired.verdict],),
        sub=paired.why,
    )


def _wins(paired: Paired | None) -> Cell:
    if paired is None:
        return Cell(NONE, marks=("quiet",))
    text = f"{paired.wins} : {paired.losses}"
    return Cell(text, value=paired.wins / max(paired.n, 1))


def statistics_table(data: ReportData, analysis: Analysis) -> Table:
    """Every figure of the statistics, unrounded, one row per cell and metric: for CSV."""
    keys = ["variant", "label", "weights", "dtype", "backend", "scale", "dataset", "protocol"]
    keys += ["metric", "unit", "status", "n_images", "mean", "mean_low", "mean_high", "baseline"]
    paired = ("delta", "delta_low", "delta_high", "p", "p_holm", "wins", "losses")
    keys += [*paired, "verdict", "note"]
    figures = ("scale", "n_images", "mean", "mean_low", "mean_high", *paired)
    columns = [Column(key, key, numeric=key in figures) for key in keys]
    rows = []
    for (row, scale, dataset), cell in data.quality.items():
        base = analysis.baselines.get((scale, dataset))
        for key, metric in data.metrics.items():
            estimate = analysis.estimate(row, scale, dataset, key)
            p = estimate.paired
            values: list[str | float | None] = [row.variant, row.label, row.weights]
            values += [row.dtype, row.backend]
            values += [scale, dataset, cell.protocol, key, metric.unit, cell.status]
            values += [cell.n_images, cell.mean(metric), estimate.low, estimate.high]
            values += [base.title if base else None]
            values += [
                getattr(p, {"delta": "mean"}.get(n, n.replace("delta_", "")), None) for n in paired
            ]
            values += [p.verdict if p else None, (p.why if p else estimate.why) or cell.reason]
            rows.append(Row([Cell("", value=value) for value in values], scale, dataset))
    return Table("statistics", "Statistics", columns, rows)
