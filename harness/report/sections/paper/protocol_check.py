"""Bicubic has no weights: where it differs from the paper, data or protocol differ."""

from collections.abc import Sequence

from harness.report import paper
from harness.report.sections.paper.comparisons import Comparison
from harness.report.text import fraction, joined, signed


def bicubic_warning(comparisons: Sequence[Comparison]) -> list[str]:
    """Bicubic has no weights: where it differs from the paper, data or protocol differ."""
    checked = [c for c in comparisons if c.paper_row == paper.BICUBIC_ROW and c.ours is not None]
    off = [
        c
        for c in checked
        if c.ours is not None
        and not paper.equals_printed(c.ours, c.theirs, paper.printed_digits(c.metric))
    ]
    if not off:
        return []
    cells = [
        f"{c.dataset} {c.scale}\u00d7 {c.metric.label} {signed(c.delta, c.metric.digits)}"
        for c in off
    ]
    shown = cells[:6] + ([f"{len(cells) - 6} more"] if len(cells) > 6 else [])
    return [
        (
            "The data differ from the paper's: bicubic, which has no weights to differ in, misses "
            f"the paper's printed figure in {fraction(len(off), len(checked), 'value')} "
            f"({joined(shown)}). The comparison with the paper is not one of networks there."
        )
    ]


def bicubic_check(comparisons: Sequence[Comparison]) -> str:
    """The protocol check in one sentence, whatever its outcome."""
    checked = [c for c in comparisons if c.paper_row == paper.BICUBIC_ROW and c.ours is not None]
    if not checked:
        return (
            "The protocol was not checked against the paper: bicubic was not measured on one of "
            "its datasets."
        )
    good = sum(
        paper.equals_printed(c.ours, c.theirs, paper.printed_digits(c.metric))
        for c in checked
        if c.ours is not None
    )
    return (
        f"Protocol check: bicubic equals the paper's printed figure in "
        f"{fraction(good, len(checked), 'value')}."
    )
