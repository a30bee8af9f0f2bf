"""Cost and compression: parameters, MACs by every counter, activations, memory, modules."""

import math
from dataclasses import replace

from harness.jobs.cost.models import CostResult, CountedMacs
from harness.report.analysis import baseline_cost
from harness.report.data import ReportData
from harness.report.figures import figure_cell, figure_columns
from harness.report.latencies import told_times
from harness.report.rows import Cost
from harness.report.table import Cell, Column, Row, Table, Value, missing, text_cell
from harness.report.text import NONE, number, si, signed, some

COUNTER_NAMES = {
    "closed_form": "our closed form",
    "fvcore": "fvcore",
    "ptflops_aten": "ptflops (aten)",
    "flop_counter": "torch FlopCounterMode",
}

_PARAMS, *_FIGURES = figure_columns(CostResult)
_COLUMNS = [
    Column("variant", "Variant", numeric=False),
    Column("scale", "Scale"),
    _PARAMS,
    Column("params_saved", "Saved", "parameters fewer than the baseline's"),
    Column("compression", "Ratio", "baseline's over this one's", on_page=False),
    *_FIGURES,
]


def cost_table(data: ReportData, baseline: str) -> Table:
    """One row per variant and scale."""
    rows = []
    for scale in data.scales:
        base = baseline_cost(data, baseline, scale)
        for (_, at), cost in data.cost.items():
            if at == scale:
                rows.append(_row(cost, base))
    sizes = sorted({f"{c.spec.hr_width}\u00d7{c.spec.hr_height}" for c in data.cost.values()})
    methods = sorted({r.peak_memory_method for _, r in counted(data) if r.peak_memory_method})
    notes = (
        [f"MACs, activations and memory at an HR output of {', '.join(sizes)}."] if sizes else []
    )
    notes += [f"Peak memory: {'; '.join(methods)}."] if methods else []
    notes += told(data)
    notes += _declared(data)
    notes += _left_out(data)
    return Table("cost", "Cost per variant and scale", _COLUMNS, rows, notes)


def counted(data: ReportData) -> list[tuple[Cost, CostResult]]:
    """Costs that were counted, and what was found."""
    return [(cost, cost.result) for cost in data.cost.values() if cost.result is not None]


def told(data: ReportData) -> list[str]:
    """Whose figures stand beside ours without having been counted here."""
    sources: dict[str, dict[str, None]] = {}
    for cost, found in counted(data):
        if found.told_by:
            sources.setdefault(found.told_by, {})[cost.row.title] = None
    return [
        f"Parameters and MACs of {some(list(titles))} are not counted here: {source} says them."
        for source, titles in sources.items()
    ] + told_times(data)


def _declared(data: ReportData) -> list[str]:
    """Of the MACs, what upsamplers declare because counters of convolutions do not see it."""
    parts: dict[str, list[str]] = {}
    for cost, result in counted(data):
        for words, macs in (result.uncounted or {}).items():
            where = f"{cost.row.title} {cost.scale}\u00d7"
            parts.setdefault(words, []).append(f"{where} {si(macs)}")
    return [
        f"Among the MACs, beside convolutions and matrix products: {words} ({', '.join(shares)})."
        for words, shares in parts.items()
    ]


def _left_out(data: ReportData) -> list[str]:
    """What the MACs of networks from outside leave out, where they are a count."""
    by_network: dict[str, dict[str, None]] = {}
    for cost, result in counted(data):
        for name, times in (result.uncounted_operators or {}).items():
            by_network.setdefault(cost.row.title, {})[f"{name} ({times}\u00d7)"] = None
    return [
        f"MACs of {title} are counted. What it computes beside them: {', '.join(names)}."
        for title, names in by_network.items()
    ]


def hidden_macs(data: ReportData) -> list[str]:
    """Warnings on networks with operators that are not torch's: what they compute is not known."""
    hidden: dict[str, dict[str, None]] = {}
    for cost, result in counted(data):
        for name in result.uncounted_operators or ():
            if "::" in name:
                hidden.setdefault(cost.row.title, {})[name] = None
    return [
        f"The MACs of {title} are too few: no counter knows what its operators {some(list(names))} "
        "compute."
        for title, names in hidden.items()
    ]


def _row(cost: Cost, base: Cost | None) -> Row:
    flags: dict[str, Value] = {
        "status": cost.status,
        "hr_height": cost.spec.hr_height,
        "hr_width": cost.spec.hr_width,
    }
    head = [
        text_cell(cost.row.title),
        Cell(f"{cost.scale}\u00d7", value=cost.scale, also=flags),
    ]
    if cost.status != "done":
        blank = [Cell(NONE, note=cost.reason, marks=("missing",)) for _ in _COLUMNS[3:]]
        return Row([*head, missing(cost.reason), *blank], cost.scale)
    is_base = base is not None and base.row == cost.row
    params, base_params = cost.figure("params"), base.figure("params") if base else None
    figures = [
        figure_cell(cost, _PARAMS.key),
        _saved(params, base_params, is_base=is_base),
        _ratio(params, base_params, is_base=is_base),
        *(_beside(base, cost, column.key) for column in _FIGURES),
    ]
    return Row([*head, *figures], cost.scale, marks=("baseline",) if is_base else ())


def _beside(base: Cost | None, cost: Cost, key: str) -> Cell:
    """A figure, and below it how much less than the baseline's it is, where it is another."""
    cell = figure_cell(cost, key)
    value, theirs = cost.figure(key), base.figure(key) if base else None
    # Those of the upsampler are within all parameters, whose saving has a column.
    if not value or not theirs or value == theirs or key == "upsampler_params":
        return cell
    share = 100 * (theirs - value) / theirs
    words = f"{number(abs(share), 1)} % {'less' if share > 0 else 'more'}"
    sub = words if round(abs(share), 1) else ""
    return replace(cell, sub=sub, also={f"{key}_saved_percent": share})


def _saved(params: float | None, base: float | None, *, is_base: bool) -> Cell:
    if params is None or not base or is_base:
        return Cell(NONE, note="the baseline itself" if is_base else "", marks=("quiet",))
    saved = base - params
    # Above zero are fewer parameters, in the number and in the share.
    share = number(100 * saved / base, 1)
    also = {"params_saved_percent": 100 * saved / base}
    return Cell(f"{number(saved, 0)} ({share} %)", value=saved, also=also)


def _ratio(params: float | None, base: float | None, *, is_base: bool) -> Cell:
    if not params or base is None:
        return Cell(NONE, marks=("quiet",))
    return Cell("1" if is_base else f"{number(base / params, 3)}\u00d7", value=base / params)


def counter_table(data: ReportData) -> Table:
    """MACs by every counter and how far each is from the closed form."""
    names = list(dict.fromkeys(c.name for _, r in counted(data) for c in r.counters or ()))
    columns = [Column("variant", "Variant", numeric=False), Column("scale", "Scale")]
    columns += [
        Column(
            f"macs_{name}",
            COUNTER_NAMES.get(name, name),
            "below it the difference to ours",
            of={"counter": name},
            fact="macs",
        )
        for name in names
    ]
    rows = []
    for scale in data.scales:
        for cost, result in counted(data):
            if cost.scale == scale and result.counters:
                by_name = {c.name: c for c in result.counters}
                cells = [_counter(by_name.get(name)) for name in names]
                head = [text_cell(cost.row.title), Cell(f"{scale}\u00d7", value=scale)]
                rows.append(Row([*head, *cells], scale))
    return Table("counters", "MACs by each counter", columns, rows, counter_notes(data))


def counter_notes(data: ReportData) -> list[str]:
    """What each counter adds or leaves out, in the words of the records."""
    notes: dict[str, dict[str, None]] = {}
    for _, result in counted(data):
        for counter in result.counters or ():
            if counter.note:
                notes.setdefault(counter.name, {})[counter.note] = None
    return [f"{COUNTER_NAMES.get(name, name)}: {'; '.join(words)}" for name, words in notes.items()]


def _counter(counter: CountedMacs | None) -> Cell:
    if counter is None or counter.macs is None:
        why = counter.note or "" if counter else "not in the record"
        return Cell(NONE, note=why, marks=("missing",))
    note, macs = counter.note or "", float(counter.macs)
    also = {"macs_difference": float(counter.difference or 0)}
    if not counter.difference:
        agrees = "" if counter.name == "closed_form" else "agrees"
        return Cell(si(macs, 4), value=macs, note=note, sub=agrees, also=also)
    share = ""
    reference = counter.macs - counter.difference
    if reference and math.isfinite(reference):
        share = f" ({signed(100 * counter.difference / reference, 2)} %)"
    sign = "+" if counter.difference > 0 else ""
    sub = f"{sign}{si(counter.difference, 4)}{share}"
    return Cell(si(macs, 4), value=macs, note=note, marks=("warn",), sub=sub, also=also)
