"""How each network was trained: who, by which recipe, how long, on what."""

from collections.abc import Iterator

from harness.report.analysis import Analysis
from harness.report.data import ReportData
from harness.report.rows import ReportRow
from harness.report.table import Cell, Column, Row, Table, Value, text_cell
from harness.report.text import NONE, joined, number
from harness.report.training import Training

_BY = {
    "project": "this project",
    "authors": "LapSRN's authors",
    "elsewhere": "not told",
}


def _known(data: ReportData) -> Iterator[tuple[ReportRow, int, Training]]:
    """Every network with weights, in the tables' order, then those that differ in their seed."""
    rows = [*data.rows, *dict.fromkeys(row for row, _, _ in data.seed_quality)]
    for row in dict.fromkeys(rows):
        for scale in data.scales:
            training = data.trainings.get((row, scale))
            if training is not None and training.by in _BY and training.sha256:
                yield row, scale, training


def trainings_table(data: ReportData) -> Table:
    """One row per network, for reading: a network that serves several scales is one."""
    # Another way to compute the same weights is no other training.
    networks: dict[tuple[str, str, Training], list[int]] = {}
    for row, scale, training in _known(data):
        scales = networks.setdefault((row.label, row.weights, training), [])
        if scale not in scales:
            scales.append(scale)
    columns = [
        Column("variant", "Variant", numeric=False),
        Column("weights", "Weights", "first digits of their SHA-256 below", numeric=False),
        Column("scales", "Scales", numeric=False),
        Column("by", "Trained by", numeric=False),
        Column("recipe", "Recipe", numeric=False),
        Column("steps", "Steps"),
        Column("seed", "Seed"),
        Column("start", "Start", numeric=False),
        Column("data", "Data", numeric=False),
        Column("date", "Date", numeric=False),
        Column("hours", "Hours", "of wall time"),
        Column("device", "Device", numeric=False),
    ]
    rows = []
    for (label, weights, training), scales in networks.items():
        hours = None if training.wall_time_s is None else training.wall_time_s / 3600
        rows.append(
            Row(
                [
                    text_cell(label),
                    Cell(weights, value=weights, sub=training.sha256[:8]),
                    text_cell(joined([f"{scale}\u00d7" for scale in sorted(scales)])),
                    text_cell(_BY[training.by]),
                    _told(training.recipe),
                    _told(training.steps, number(training.steps, 0)),
                    _told(training.seed, str(training.seed)),
                    _told(training.start),
                    _told(training.data),
                    _told(training.date),
                    _told(hours, number(hours, 2)),
                    _told(training.device),
                ]
            )
        )
    notes = [f"{NONE}: neither the weights nor the record tell it."] if rows else []
    table = Table("networks", "How each network was trained", columns, rows, notes)
    return table.hiding_constant("by", "start", "data", "date", "device")


def _told(value: Value, text: str = "") -> Cell:
    if value in (None, ""):
        return Cell(NONE, marks=("quiet",))
    return Cell(text or str(value), value=value)


def trainings_by_scale(data: ReportData, analysis: Analysis) -> Table:
    """One row per row of the report and scale: for CSV."""
    names = ("variant", "label", "weights", "sha256", "by", "recipe", "start", "data", "date")
    figures = ("scale", "steps", "seed", "wall_time_s")
    columns = [Column(key, key, numeric=False) for key in names]
    columns += [Column(key, key) for key in figures]
    columns += [Column(key, key, numeric=False) for key in ("device", "beside_baseline")]
    # Rows that compute one network in different ways are of one training.
    found: dict[tuple[Value, ...], int] = {}
    for row, scale, t in _known(data):
        values: list[Value] = [row.variant, row.label, row.weights, t.sha256, t.by, t.recipe]
        values += [t.start, t.data, t.date, scale, t.steps, t.seed, t.wall_time_s, t.device]
        bases = {base for (at, _), base in analysis.baselines.items() if at == scale}
        values.append(next((data.apart(row, base, scale) or "alike" for base in bases), ""))
        found[tuple(values)] = scale
    rows = [Row([Cell("", value=v) for v in values], scale) for values, scale in found.items()]
    return Table("trainings", "Trainings", columns, rows)


def training_warnings(data: ReportData, analysis: Analysis) -> list[str]:
    """Which rows were not trained as the baseline was: a difference may be one of the trainings."""
    otherwise: dict[str, dict[str, list[str]]] = {}
    untold: dict[str, None] = {}
    told: dict[str, None] = {}
    authors: dict[str, None] = {}
    for (scale, dataset), base in analysis.baselines.items():
        for row in data.rows:
            cell = data.cell(row, scale, dataset)
            if cell is None or not (why := data.apart(row, base, scale)):
                continue
            if why == "trained otherwise":
                mine, theirs = data.training(row, scale), data.training(base, scale)
                told[theirs.words] = None
                if mine.by == "authors":
                    authors[row.network_title] = None
                    continue
                by_words = otherwise.setdefault(row.network_title, {})
                scales = by_words.setdefault(mine.beside(theirs), [])
                if (at := f"{scale}\u00d7") not in scales:
                    scales.append(at)
            else:
                untold |= {base.network_title: None, row.network_title: None}
    found = []
    if otherwise or authors:
        released = [f"what LapSRN's authors released ({joined(list(authors))})"] if authors else []
        parts = [f"{analysis.baseline_title}: {joined(list(told), 'or')}"]
        parts += [
            f"{title} ({'; '.join(f'{joined(s)}: {w}' for w, s in by_words.items())})"
            for title, by_words in otherwise.items()
        ]
        found.append(
            f"Not trained as {analysis.baseline_title} was: {joined([*otherwise, *released])}; no "
            "finding ranks them beside the others. What sets them apart may be the training. "
            f"{'; '.join(parts)}."
        )
    if untold:
        found.append(
            f"How these were trained is not told: {joined(list(untold))}. What sets them apart "
            "may be the training."
        )
    return found
