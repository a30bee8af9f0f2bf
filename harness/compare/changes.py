"""One change of one figure, and how it reads."""

import math
from dataclasses import dataclass

from harness.metrics.registry import METRICS
from harness.report.text import number, p_value, signed
from harness.statistics.paired import Paired


@dataclass(frozen=True)
class Key:
    """What is compared with what: the same row of the same table in both runs.

    Attributes:
        variant: its name.
        name: what people read; not part of the identity, for labels may change.
        scale: 2, 4 or 8.
        place: dataset and protocol, size, or device.
        way: whose weights, dtype, backend.
    """

    variant: str
    name: str
    scale: int
    place: tuple[str, ...]
    way: tuple[str, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.variant, self.scale, self.place, self.way

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.name} {self.scale}\u00d7 {', '.join(self.place)}"


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
