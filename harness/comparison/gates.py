"""Gates: conditions on a change that make a comparison fail, such as ``psnr_y<-0.02``."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.errors import ConfigError
from harness.jobs.kinds import kinds

COMPARED = sorted(
    (kind for kind in kinds().values() if kind.figures), key=lambda kind: not kind.on_images
)
"""Kinds of job whose figures are compared: first what images look like, then what that costs."""

FIGURES = tuple(figure for kind in COMPARED for figure in kind.figures)

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FORM = re.compile(
    r"^\s*(?:(?P<variant>[^:<>]+):)?\s*(?P<figure>\w+)\s*(?P<sign>[<>]=?)\s*(?P<limit>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"\s*(?P<percent>%?)\s*$"
)


@dataclass(frozen=True)
class Gate:
    """Fail if the change of a figure, second run less first, meets a condition.

    Attributes:
        figure: one of ``FIGURES``.
        sign: ``<``, ``<=``, ``>`` or ``>=``.
        limit: in the figure's unit, or in per cent of the first run's value.
        relative: whether ``limit`` is in per cent.
        variant: the only one that it holds for, ``*`` standing for any characters; empty for all.
    """

    figure: str
    sign: str
    limit: float
    relative: bool
    variant: str = ""

    @property
    def text(self) -> str:
        """As a user writes it."""
        whose = f"{self.variant}:" if self.variant else ""
        return f"{whose}{self.figure}{self.sign}{self.limit:g}{'%' if self.relative else ''}"

    def concerns(self, variant: str) -> bool:
        """Whether it holds for a variant."""
        return not self.variant or fnmatchcase(variant, self.variant)

    def fails(self, before: float, after: float) -> bool:
        """Whether the change trips the gate; a figure that is not a number always does."""
        change = self.change(before, after)
        return math.isnan(change) or _OPERATORS[self.sign](change, self.limit)

    def change(self, before: float, after: float) -> float:
        """The change in the gate's unit; equal values, infinite ones too, change by 0."""
        if before == after:
            return 0.0
        difference = after - before
        if not self.relative or math.isnan(difference):
            return difference
        if before == 0 or math.isinf(before):
            return math.copysign(math.inf, difference)
        return 100 * difference / abs(before)


def parse_gate(text: str) -> Gate:
    """Read ``FIGURE<LIMIT``, ``FIGURE>LIMIT%``, ``VARIANT:FIGURE<LIMIT`` and the like.

    Raises:
        ConfigError: it is of another form, or names no figure.
    """
    match = _FORM.match(text)
    if match is None:
        raise ConfigError(
            f"cannot read the gate {text!r}: write FIGURE<LIMIT or FIGURE>LIMIT, with % for a "
            "relative limit and VARIANT: in front for one variant, for example 'psnr_y<-0.02', "
            "'median_ms>5%' or 'cms-lapsrn-conv3:psnr_y<-0.02'"
        )
    if match["figure"] not in FIGURES:
        raise ConfigError(
            f"the gate {text!r} names no figure that runs record; known are {', '.join(FIGURES)}"
        )
    return Gate(
        match["figure"],
        match["sign"],
        float(match["limit"]),
        bool(match["percent"]),
        (match["variant"] or "").strip(),
    )
