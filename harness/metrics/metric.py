"""What a metric declares; how tables and reports show its figures. No torch."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.metrics.protocol import Protocol
from harness.system.text import number, signed

_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Pair:
    """What a metric looks at: one image pair, without the border that is not compared.

    Attributes:
        sr_y: H x W luma in [0, 1], float64.
        hr_y: as large, of the HR image; read-only where it is kept for other networks.
        protocol: whose conventions hold.
        hr_means: SSIM's window means of ``hr_y``, where they are known already.
        sr_rgb: H x W x 3 RGB in [0, 1], float64, where the protocol compares RGB, too; of a grey
            image three equal channels.
        hr_rgb: as large, of the HR image.
    """

    sr_y: NDArray[np.float64]
    hr_y: NDArray[np.float64]
    protocol: Protocol
    hr_means: NDArray[np.float64] | None = None
    sr_rgb: NDArray[np.float64] | None = None
    hr_rgb: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Metric:
    """One figure of merit per image.

    Attributes:
        key: the field's name in records and tables, and what gates call it.
        label: heading for people.
        unit: empty where there is none.
        digits: after the point, of a value.
        compute: the figure of a pair.
        version: raised when it computes something else, so that older figures are measured again.
        higher_is_better: the direction.
        short_digits: after the point where a figure stands in a sentence or a model card; None for
            ``digits``.
        tolerance: a mean this close to the paper's counts as reproduced; None where the paper has
            none.
        paper_digits: after the point, as the paper prints it; None where it does not.
        colour: ``"rgb"`` for what is computed by those protocols alone that compare RGB.
        extra: of this package, that brings what it needs; such a metric is computed on request.

    Raises:
        ValueError: the key is no lower-case name.
    """

    key: str
    label: str
    unit: str
    digits: int
    compute: Callable[[Pair], float]
    version: int = 1
    higher_is_better: bool = True
    short_digits: int | None = None
    tolerance: float | None = None
    paper_digits: int | None = None
    colour: Literal["y", "rgb"] = "y"
    extra: str = ""

    def __post_init__(self) -> None:
        if not _KEY.match(self.key):
            raise ValueError(f"a metric's key is letters a to z, digits and _, not {self.key!r}")

    @property
    def heading(self) -> str:
        """Label and unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def in_unit(self) -> str:
        """`` in UNIT``, empty where there is none."""
        return f" in {self.unit}" if self.unit else ""

    def value(self, value: float | None) -> str:
        """A value as text."""
        return number(value, self.digits)

    def short(self, value: float | None) -> str:
        """A value as text, in few digits."""
        return number(value, self.digits if self.short_digits is None else self.short_digits)

    def phrase(self, value: float | None) -> str:
        """Label, value and unit."""
        return f"{self.label} {self.short(value)}{f' {self.unit}' if self.unit else ''}"

    def delta(self, value: float | None) -> str:
        """A difference as text, with its sign."""
        return signed(value, self.digits)
