"""Where the parameters and the MACs of a network sit."""

from harness.report.model import Cost, Module, ReportData
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


def module_table(data: ReportData) -> Table:
    """One row per module, variant and scale, in the network's order."""
    rows = [
        _row(cost, module)
        for scale in data.scales
        for (_, at), cost in data.cost.items()
        if at == scale
        for module in cost.modules
    ]
    return Table("modules", "Parameters and MACs per module", _COLUMNS, rows)


def _row(cost: Cost, module: Module) -> Row:
    return Row(
        [
            text_cell(cost.entrant.label),
            Cell(f"{cost.scale}\u00d7", value=cost.scale),
            text_cell(module.name),
            text_cell(module.type),
            _share(number(module.params, 0), module.params, cost.figure("params")),
            _share(si(module.macs), module.macs, cost.figure("macs")),
            Cell(si(module.activations), value=module.activations),
        ],
        cost.scale,
    )


def _share(text: str, part: float | None, whole: float | None) -> Cell:
    if part is None:
        return Cell(NONE, marks=("missing",))
    return Cell(text, value=part, sub=f"{100 * part / whole:.1f} %" if whole else "")
