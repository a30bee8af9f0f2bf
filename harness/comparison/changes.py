"""One change of one figure, and how it reads."""

import math
from dataclasses import dataclass
from typing import Any

from harness.metrics.registry import METRICS
from harness.report.text import number, p_value, signed
from harness.statistics.paired import Paired

FLOAT_NOISE = 0.1
"""Of a metric's last printed digit: less is what the order of sums makes, on another machine or
with another number of threads, and no change."""


@dataclass(frozen=True)
class Key:
    """What is compared with what: the same row of the same table in both runs.

    Attributes:
        variant: its name; in the second run, where rows of different names are compared.
        name: what people read; not part of the identity, for labels may change.
        scale: 2, 4 or 8.
        place: dataset and protocol, size, or device.
        way: whose weights, dtype, backend.
        old_variant: the name in the first run where that is another one.
    """

    variant: str
    name: str
    scale: int
    place: tuple[str, ...]
    way: tuple[str, ...]
    old_variant: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.variant, self.old_variant, self.scale, self.place, self.way

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.name} {self.scale}\u00d7 {', '.join(self.place)}"

    def row(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "variant": self.variant,
            "label": self.name,
            "scale": self.scale,
            "place": ", ".join(self.place),
            "way": " ".join(self.way),
            "old_variant": self.old_variant or self.variant,
        }


@dataclass(frozen=True)
class Change:
    """A figure before and after.

    Attributes:
        figure: the record's name of it, unit included.
        paired: statistics over images, of a quality metric.
        beyond_noise: whether a latency changed by more than it varies; None where noise plays no
            part.
        note: what bears on reading it.
    """

    key: Key
    figure: str
    before: float
    after: float
    paired: Paired | None = None
    beyond_noise: bool | None = None
    note: str = ""

    @property
    def difference(self) -> float:
        """After less before; 0 between equal values, infinite ones too."""
        return 0.0 if self.before == self.after else self.after - self.before

    @property
    def is_nothing(self) -> bool:
        """Whether nothing changed: not at all, or by no more than float noise."""
        if self.figure not in METRICS:
            return self.difference == 0
        return abs(self.difference) < FLOAT_NOISE * 10.0**-self.digits

    @property
    def within_noise(self) -> bool:
        """Whether no change is shown, float noise and a latency's spread being none."""
        return self.is_nothing or self.beyond_noise is False

    @property
    def digits(self) -> int:
        """After the point."""
        if self.figure in METRICS:
            return METRICS[self.figure].digits
        return 2 if self.figure.endswith("_ms") else 0

    @property
    def change(self) -> str:
        """The difference, and its share of the value before."""
        text = signed(self.difference, self.digits)
        share = 100 * self.difference / self.before if self.before else math.nan
        relative = self.figure not in METRICS and math.isfinite(share) and self.difference
        return f"{text} ({signed(share, 1)} %)" if relative else text

    @property
    def verdict(self) -> str:
        """What may be said of it."""
        if self.paired is not None:
            p = self.paired
            bounds = ""
            if math.isfinite(p.low):
                bounds = f" [{signed(p.low, self.digits)}, {signed(p.high, self.digits)}]"
            tested = "" if math.isnan(p.p_holm) else f", p {p_value(p.p_holm)}"
            return f"{p.verdict}{' (' + p.why + ')' if p.why else ''}{bounds}{tested}"
        if self.beyond_noise is not None:
            return self.note
        return "unchanged" if self.difference == 0 else "changed"

    def row(self) -> dict[str, Any]:
        """Plain data: what, from, to, by how much, and the verdict with its figures."""
        paired = self.paired
        return {
            **self.key.row(),
            "figure": self.figure,
            "before": self.before,
            "after": self.after,
            "change": self.difference,
            "low": None if paired is None else paired.low,
            "high": None if paired is None else paired.high,
            "p": None if paired is None else paired.p_holm,
            "verdict": "unchanged" if self.is_nothing else self.verdict_word,
        }

    @property
    def verdict_word(self) -> str:
        """The verdict alone."""
        return self.paired.verdict if self.paired is not None else self.verdict

    def sentence(self) -> str:
        """One line: what, from, to, by how much."""
        values = f"{number(self.before, self.digits)} to {number(self.after, self.digits)}"
        return f"{self.key.title}: {self.figure} {values}, {self.change}; {self.verdict}"


@dataclass(frozen=True)
class Missing:
    """A cell that was not compared.

    Attributes:
        figures: what would have been.
        was_measured: whether the first run has it: then a gate on it cannot pass.
    """

    key: Key
    figures: tuple[str, ...]
    why: str
    was_measured: bool

    def row(self) -> dict[str, Any]:
        """Plain data."""
        return {**self.key.row(), "figures": list(self.figures), "why": self.why}
