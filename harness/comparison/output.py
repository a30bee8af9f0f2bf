"""A comparison: as text for a terminal, and as Markdown for a pull request."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.comparison.changes import Change, Missing
from harness.comparison.gates import COMPARED, Gate
from harness.report.text import clean, for_markdown, number, plural

_HEADS = ("What", "Figure", "Before", "After", "Change", "Verdict")
_GROUPS = [(kind.name.capitalize(), tuple(kind.figures)) for kind in COMPARED]


@dataclass(frozen=True)
class Comparison:
    """What changed from the first run to the second.

    Attributes:
        changes: one per figure of every cell that both runs have.
        missing: cells that only one has, or that cannot be compared.
        gates: as asked for.
        failures: one sentence per gate and cell that trips it; empty is a pass.
        problems: sentences about records of either run that could not be used.
    """

    run_a: str
    run_b: str
    changes: Sequence[Change]
    missing: Sequence[Missing]
    gates: Sequence[Gate]
    failures: Sequence[str]
    problems: Sequence[str]

    @property
    def ok(self) -> bool:
        """Whether no gate was tripped."""
        return not self.failures

    def text(self) -> str:
        """For a terminal."""
        return _text(self)

    def markdown(self) -> str:
        """For a pull request."""
        return _markdown(self)

    def rows(self) -> dict[str, Any]:
        """Plain data: ``changes`` and ``missing`` as lists of rows, and all the rest."""
        return {
            "run_a": self.run_a,
            "run_b": self.run_b,
            "ok": self.ok,
            "gates": [gate.text for gate in self.gates],
            "failures": list(self.failures),
            "changes": [change.row() for change in self.changes],
            "missing": [cell.row() for cell in self.missing],
            "problems": list(self.problems),
        }

    def json(self) -> str:
        """:meth:`rows` as JSON; what is not finite is a text, ``"nan"`` or ``"inf"``."""
        return json.dumps(_finite(self.rows()), indent=1, ensure_ascii=True, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _text(comparison: Comparison) -> str:
    """Plain text, one line per change; what did not change is counted."""
    lines = [f"{clean(comparison.run_b)} compared with {clean(comparison.run_a)}"]
    for name, figures in _GROUPS:
        changed, same = _split(comparison.changes, figures)
        lines += ["", f"{name}: {_count(changed, same)}"]
        lines += _columns([_row(change) for change in changed])
    if comparison.missing:
        lines += ["", "Not compared:"]
        lines += [f"  {clean(m.key.title)}: {clean(m.why)}" for m in comparison.missing]
    if comparison.problems:
        lines += ["", "Records left out:", *(f"  {clean(p)}" for p in comparison.problems)]
    if comparison.gates:
        lines += ["", _gates(comparison)]
        lines += [f"  FAILED {clean(failure)}" for failure in comparison.failures]
    return "\n".join(lines) + "\n"


def _markdown(comparison: Comparison) -> str:
    """A Markdown section; foreign text is escaped."""
    title = f"{for_markdown(comparison.run_b)} compared with {for_markdown(comparison.run_a)}"
    lines = [f"## {title}", ""]
    if comparison.gates:
        lines += [for_markdown(_gates(comparison)), ""]
        lines += [f"- **failed** {for_markdown(failure)}" for failure in comparison.failures]
        lines += [""] if comparison.failures else []
    for name, figures in _GROUPS:
        changed, same = _split(comparison.changes, figures)
        lines += [f"### {name}", "", f"{_count(changed, same)}", ""]
        if changed:
            rule = ["---", "---", "---:", "---:", "---:", "---"]
            rows: list[list[str]] = [
                [for_markdown(cell) for cell in _row(change)] for change in changed
            ]
            lines += [f"| {' | '.join(row)} |" for row in [list(_HEADS), rule, *rows]] + [""]
    if comparison.missing:
        lines += ["### Not compared", ""]
        lines += [
            f"- {for_markdown(m.key.title)}: {for_markdown(m.why)}" for m in comparison.missing
        ] + [""]
    if comparison.problems:
        lines += ["### Records left out", ""]
        lines += [f"- {for_markdown(problem)}" for problem in comparison.problems] + [""]
    return "\n".join(lines)


def _split(changes: Sequence[Change], figures: tuple[str, ...]) -> tuple[list[Change], int]:
    """Changes of a group that are not nothing, and how many are."""
    group = [change for change in changes if change.figure in figures]
    changed = [change for change in group if not change.is_nothing]
    return changed, len(group) - len(changed)


def _count(changed: Sequence[Change], same: int) -> str:
    if not changed and not same:
        return "nothing to compare"
    noise = sum(change.within_noise for change in changed)
    within = f", {noise:,} within noise" if noise else ""
    return f"{plural(len(changed) - noise, 'figure')} changed{within}, {same:,} unchanged"


def _gates(comparison: Comparison) -> str:
    words = ", ".join(gate.text for gate in comparison.gates)
    return f"Gates {words}: {'passed' if comparison.ok else 'FAILED'}"


def _row(change: Change) -> list[str]:
    before, after = (number(v, change.digits) for v in (change.before, change.after))
    return [change.key.title, change.figure, before, after, change.change, change.verdict]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with aligned columns; figures to the right."""
    if not rows:
        return []
    cleaned = [[clean(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cleaned) for i in range(len(cleaned[0]))]
    lines = []
    for row in cleaned:
        cells = [
            cell.rjust(width) if i in (2, 3, 4) else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines
