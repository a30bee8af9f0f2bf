"""What the specs and results of all kinds of job have in common. No torch."""

from typing import Any

from harness.metrics.protocol import Protocol
from harness.networks.identity import DEFAULT_MEMORY_FORMAT, NetworkIdentity
from harness.system.stored import Count, Name, Part, Text

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


class Result(Part):
    """Figures of a job that is done, unrounded."""

    def summary(self) -> str:
        """One phrase for the line of progress."""
        return "done"

    def figure(self, name: str) -> Any:
        """A named figure, None where it is missing."""
        return getattr(self, name, None)
