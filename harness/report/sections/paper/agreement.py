"""How many cells of Table 1 our networks meet."""

from collections import Counter
from collections.abc import Sequence

from harness.metrics.registry import PSNR, Metric
from harness.report import paper
from harness.report.section import Finding
from harness.report.sections.paper.comparisons import Comparison
from harness.report.table import Cell, Column, Row, Table, text_cell
from harness.report.text import NONE, fraction, joined, signed


def met_table(comparisons: Sequence[Comparison]) -> Table:
    """Rows of Table 1 down, scales and metrics across: how many cells are met."""
    measured = [c for c in comparisons if c.ours is not None]
    scales = sorted({c.scale for c in measured})
    columns = [Column("model", "Model", "As in the paper, then whose weights", numeric=False)]
    columns += [
        Column(
            f"{key}_met_{scale}x",
            f"{scale}\u00d7 {metric.label}",
            "cells met, of those measured",
            of={"scale": scale, "metric": key},
            fact="met",
        )
        for scale in scales
        for key, metric in paper.METRICS.items()
    ]
    rows: dict[str, list[Comparison]] = {}
    for c in measured:
        rows.setdefault(c.row.title if c.row else c.paper_row, []).append(c)
    body = [
        Row(
            [
                text_cell(name),
                *(
                    _met([c for c in cells if (c.scale, c.metric) == (scale, metric)], metric)
                    for scale in scales
                    for metric in paper.METRICS.values()
                ),
            ]
        )
        for name, cells in rows.items()
    ]
    notes = [
        (
            "Met: reproduced within the tolerance, or above. Below it, by how much the others fall "
            "short of the printed figure."
        )
    ]
    return Table("paper-met", "Cells of Table 1 that are met", columns, body, notes if body else [])


def _met(cells: Sequence[Comparison], metric: Metric) -> Cell:
    if not cells:
        return Cell(NONE, note="not measured", marks=("missing",))
    short = sorted(-c.delta for c in cells if not c.met and c.delta is not None)
    met = len(cells) - len(short)
    text, also = f"{met} of {len(cells)}", {"compared": len(cells)}
    if not short:
        return Cell(text, value=met, marks=("reproduced",), also=also)
    ends = dict.fromkeys(metric.value(value) for value in (short[0], short[-1]))
    return Cell(text, value=met, marks=("below",), sub=f"short by {' to '.join(ends)}", also=also)


def agreement_finding(comparisons: Sequence[Comparison]) -> Finding | None:
    cells = [
        c
        for c in comparisons
        if c.metric is PSNR
        and c.paper_row != paper.BICUBIC_ROW
        # The authors' own networks, and ours in another dtype or backend, are no results of ours.
        and (c.row is None or (c.row.is_plain and not c.row.from_authors))
    ]
    measured = [c for c in cells if c.mark != "not measured"]
    if not measured:
        return None
    counts = Counter(c.mark for c in measured)
    parts = [f"{counts[m]} {m}" for m in ("reproduced", "above", "below") if counts[m]]
    deltas = [c.delta for c in measured if c.delta is not None]
    met = sum(c.met for c in measured)
    headline = (
        f"{fraction(met, len(measured), 'network result')} {'meets' if met == 1 else 'meet'} the "
        "paper's Table 1."
    )
    if not met:
        headline = f"No network result ({len(measured):,} compared) meets the paper's Table 1."
    return Finding(
        30,
        headline[0].upper() + headline[1:],
        f"Mean PSNR: {joined(parts)}, differences from {signed(min(deltas), 2)} to "
        f"{signed(max(deltas), 2)} dB.",
    )
