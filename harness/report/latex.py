r"""``table1.tex``: the paper's table with our figures, for ``\input`` into a document."""

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from harness.report import paper
from harness.report.table import Cell, Table
from harness.report.text import for_latex


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("harness.report"),
        # LaTeX has its own escapes, applied to every cell.
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        # Braces are LaTeX's own.
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template("table1.tex.j2")


def _cell(cell: Cell) -> str:
    text = for_latex(cell.text)
    return rf"\textbf{{{text}}}" if "best" in cell.marks else text


def table1(tables: Sequence[Table]) -> str:
    """Our means in the paper's layout, one block of rows per scale; needs ``booktabs``."""
    return _template().render(
        tables=tables,
        datasets=[for_latex(dataset) for dataset in paper.DATASET_IMAGES],
        metrics=[metric.label for metric in paper.METRICS.values()],
    )
