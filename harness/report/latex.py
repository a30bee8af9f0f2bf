r"""``table1.tex``: the paper's table with our figures, for ``\input`` into a document."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from harness.report.text import for_latex


@dataclass(frozen=True)
class Line:
    """One network at one scale.

    Attributes:
        name: of the network.
        ours: by dataset, the printed figures by metric, empty where not measured, and whether each
            is bold.
        theirs: likewise, the paper's, of which none is bold.
        delta: mean difference to the baseline, printed; empty without one.
        interval: of that, printed.
    """

    name: str
    ours: Sequence[Sequence[tuple[str, bool]]]
    theirs: Sequence[Sequence[tuple[str, bool]]]
    delta: str = ""
    interval: str = ""


@dataclass(frozen=True)
class Scale:
    """The networks of a scale, in groups that were trained alike."""

    scale: int
    groups: Sequence[Sequence[Line]]


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
    environment.filters.update(tex=for_latex, figures=_figures, difference=_difference)
    return environment.get_template("table1.tex.j2")


def _figures(figures: Sequence[tuple[str, bool]]) -> str:
    if not any(text for text, _ in figures):
        return "--"
    shown = [(_narrow(text) or "--", is_best) for text, is_best in figures]
    return "/".join(rf"\textbf{{{text}}}" if is_best else text for text, is_best in shown)


def _narrow(text: str) -> str:
    """An SSIM without its zero, as tables of the field print it."""
    return for_latex(text.removeprefix("0") if text.startswith("0.") else text)


def _difference(text: str) -> str:
    """A printed difference, with a minus that is no hyphen."""
    return for_latex(text).replace("\u2212", "$-$").replace("+", "$+$")


def table1(
    datasets: Sequence[str], metrics: Sequence[str], scales: Sequence[Scale], baseline: str
) -> str:
    """Our means in the paper's layout; empty without scales.

    Args:
        datasets: the columns.
        metrics: what each figure of a cell is.
        scales: a block of rows each; may be empty.
        baseline: what differences are to.
    """
    return _template().render(datasets=datasets, metrics=metrics, scales=scales, baseline=baseline)
