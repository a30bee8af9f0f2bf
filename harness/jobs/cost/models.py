"""What a cost job is asked for, and what it finds."""

from harness.jobs.options import Options, Positive
from harness.jobs.specs import Result, Spec
from harness.system.stored import Amount, Count, Figure, Name, Part, Pixels, Text

COST_FIGURES = (
    "params",
    "upsampler_params",
    "weight_bytes",
    "macs",
    "flops",
    "activations",
    "peak_memory_bytes",
)
"""What tables, reports and gates show."""


class CostConfig(Options):
    """The HR size, in pixels, that costs refer to; the LR size is this over the scale."""

    hr_height: Positive = 720
    hr_width: Positive = 1280


class CostSpec(Spec):
    """A network at an HR size.

    Attributes:
        versions: of the packages that count.
    """

    hr_height: Pixels
    hr_width: Pixels
    versions: dict[str, str] | None = None

    def cell(self) -> list[str]:
        own = [] if self.backend == "eager" else [self.backend]
        return [str(self.hr_height), str(self.hr_width), *own]


class CountedMacs(Part):
    """MACs by one counter: what it says, how far from ours, and why."""

    name: Name
    version: Text | None = None
    macs: Figure | None = None
    difference: Figure | None = None
    note: Text | None = None


class Module(Part):
    """One convolution of a network; ``macs`` at the spec's size."""

    name: Text
    type: Text | None = None
    params: Amount | None = None
    macs: Amount | None = None
    activations: Amount | None = None


class CostResult(Result):
    """See :func:`harness.measure.cost.measure_cost`; what older records lack is None."""

    params: Amount
    macs: Amount
    upsampler_params: Amount | None = None
    weight_bytes: Amount | None = None
    flops: Amount | None = None
    activations: Amount | None = None
    peak_memory_bytes: Amount | None = None
    peak_memory_method: Text | None = None
    lr_height: Pixels | None = None
    lr_width: Pixels | None = None
    uncounted: dict[Text, Amount] | None = None
    uncounted_operators: dict[Text, Count] | None = None
    counters: list[CountedMacs] | None = None
    modules: list[Module] | None = None

    def summary(self) -> str:
        return f"{self.params:,} parameters, {self.macs / 1e9:.1f} G MACs"
