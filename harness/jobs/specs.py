"""What the specs and results of all kinds of job have in common. No torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.metrics.protocol import Protocol
from harness.networks.identity import DEFAULT_MEMORY_FORMAT, NetworkIdentity
from harness.system.stored import Count, Name, Part, Text
from harness.system.text import number

_USUAL = ("float32", "float64", "eager", DEFAULT_MEMORY_FORMAT)


class Spec(NetworkIdentity):
    """Everything that a result depends on, by content (hashes, not paths).

    Attributes:
        algorithm: the kind's when the job was planned; raised when it computes something else.
    """

    algorithm: int = 1

    def names(self) -> list[str]:
        """What a job's id and title begin with, behind its kind."""
        return [self.variant.name, f"{self.scale}x"]

    def details(self) -> list[str]:
        """What titles say besides."""
        return []

    def execution(self) -> list[str]:
        """How it runs, where that is not the usual way."""
        ways = (self.backend, self.dtype, self.memory_format)
        return [way for way in ways if way not in _USUAL]

    def cell(self) -> list[str]:
        """What tells cells of the tables apart, besides variant, scale and weights."""
        return []

    def estimated_s(self) -> float:
        """Seconds that a job may take, where that does not depend on images."""
        return 0.2


class DatasetIdentity(Part):
    """A dataset by the hash of its images."""

    name: Name
    n_images: Count | None = None
    sha256: Text | None = None


class ProtocolIdentity(Part):
    """A protocol with all its conventions; of older or foreign records perhaps its name alone."""

    name: Name

    def protocol(self) -> Protocol:
        """The protocol; TypeError if it is not told whole."""
        return Protocol(**self.stored())


class ImagesSpec(Spec):
    """Of a network on the images of a dataset, compared by a protocol."""

    dataset: DatasetIdentity
    protocol: ProtocolIdentity
    dtype: Name

    def names(self) -> list[str]:
        return [*super().names(), self.dataset.name]

    def cell(self) -> list[str]:
        return [self.dataset.name, self.protocol.name, self.dtype, self.backend]


def _two_digits(value: float | None) -> str:
    return number(value, 2)


@dataclass(frozen=True)
class Shown:
    """How a figure is shown, where a result declares it: ``Annotated[Amount | None, Shown()]``.

    Attributes:
        head: above its column in the report, unit included; empty for what is not on the page.
        note: what it is, for a tooltip.
        form: the figure as people read it; of None, too.
        in_csv: whether the report's CSV tables have it though the page has not; the tables of runs
            have all.
        axis: its name as an axis of the report's plot of quality against cost; empty for none.
        axis_unit: what is one there.
        compared: whether comparisons know it and gates may guard it.
        quantile: of the samples of a latency that it is, 0 to 1.
    """

    head: str = ""
    note: str = ""
    form: Callable[[float | None], str] = _two_digits
    in_csv: bool = False
    axis: str = ""
    axis_unit: float = 1.0
    compared: bool = False
    quantile: float | None = None


class Result(Part):
    """Figures of a job that is done, unrounded."""

    @classmethod
    def shown(cls) -> dict[str, Shown]:
        """Its figures that tables show, by name, in the order of their columns."""
        fields = cls.model_fields.items()
        return {name: m for name, field in fields for m in field.metadata if isinstance(m, Shown)}

    @classmethod
    def compared(cls) -> tuple[str, ...]:
        """Its figures that comparisons know."""
        return tuple(name for name, shown in cls.shown().items() if shown.compared)

    def summary(self) -> str:
        """One phrase for the line of progress."""
        return "done"

    def figure(self, name: str) -> Any:
        """A named figure, None where it is missing."""
        return getattr(self, name, None)
