"""Where the parameters and the MACs of a network sit."""

from harness.jobs.cost.models import Module
from harness.report.data import ReportData
from harness.report.rows import Cost
from harness.report.sections.cost.costs import counted
from harness.report.table import Cell, Column, Row, Table, text_cell
from harness.report.text import NONE, number, si

_COLUMNS = [
    Column("variant", "Variant", numeric=False),
    Column("scale", "Scale"),
    Column("module", "Module", numeric=False),
    Column("type", "Type", numeric=False),
    Column("params", "Parameters", "its own; below it the share of the network's"),
    Column("macs", "MACs", "over all its applications; below it the share of the network's"),
    Column("activations", "Activations", "elements of its outputs"),
]

_SAME = {"image_up": "image_upsampler"}
"""One thing that the backbones call by two names."""


OUTSIDE = "network"
"""The module that a network from outside is; what is in it bears no names that others have."""


def group_of(name: str) -> str:
    """What kind of module it is: ``levels.0.convs.3`` is one of the ``convs``."""
    words = [word for word in name.split(".") if not word.isdecimal()]
    if words[:1] == [OUTSIDE]:
        return OUTSIDE
    return _SAME.get(words[-1], words[-1]) if words else name


def breakdown_table(data: ReportData) -> Table:
    """Shares of parameters and MACs by kind of module, one row per variant and scale."""
    groups = dict.fromkeys(group_of(m.name) for _, r in counted(data) for m in r.modules or ())
    columns = [Column("variant", "Variant", numeric=False), Column("scale", "Scale")]
    for group in groups:
        of = {"kind": group}
        columns.append(
            Column(
                f"{group}_params",
                f"{group}: parameters",
                "share of the network's",
                of=of,
                fact="params",
            )
        )
        columns.append(
            Column(f"{group}_macs", f"{group}: MACs", "share of the network's", of=of, fact="macs")
        )
    rows = []
    for scale in data.scales:
        for cost, result in counted(data):
            if cost.scale == scale and result.modules:
                cells = [text_cell(cost.row.title), Cell(f"{scale}\u00d7", value=scale)]
                for group in groups:
                    members = [m for m in result.modules if group_of(m.name) == group]
                    params = [m.params for m in members if m.params is not None]
                    macs = [m.macs for m in members if m.macs is not None]
                    cells.append(_part("params", params, cost.figure("params")))
                    cells.append(_part("macs", macs, cost.figure("macs")))
                rows.append(Row(cells, scale))
    caption = "Where the parameters and the MACs sit: shares by kind of module"
    return Table("breakdown", caption, columns, rows)


def _part(what: str, parts: list[float], whole: float | None) -> Cell:
    """A sum and its share; nothing where the network has no such module."""
    if not parts or not whole:
        return Cell(NONE, marks=("quiet",))
    total = float(sum(parts))
    also = {f"{what}_share": total / whole}
    return Cell(f"{100 * total / whole:.1f} %", value=total, note=si(total), also=also)


def module_table(data: ReportData) -> Table:
    """One row per module, variant and scale, in the network's order."""
    rows = [
        _row(cost, module)
        for scale in data.scales
        for cost, result in counted(data)
        if cost.scale == scale
        for module in result.modules or ()
    ]
    return Table("modules", "Parameters and MACs per module", _COLUMNS, rows)


def _row(cost: Cost, module: Module) -> Row:
    return Row(
        [
            text_cell(cost.row.title),
            Cell(f"{cost.scale}\u00d7", value=cost.scale),
            text_cell(module.name),
            text_cell(module.type or ""),
            _share(number(module.params, 0), module.params, cost.figure("params")),
            _share(si(module.macs), module.macs, cost.figure("macs")),
            Cell(
                si(module.activations),
                value=None if module.activations is None else float(module.activations),
            ),
        ],
        cost.scale,
    )


def _share(text: str, part: float | None, whole: float | None) -> Cell:
    if part is None:
        return Cell(NONE, marks=("missing",))
    return Cell(text, value=float(part), sub=f"{100 * part / whole:.1f} %" if whole else "")
