"""What a cost job is asked for, and what it finds."""

from functools import partial
from typing import Annotated

from harness.jobs.options import Options, Positive
from harness.jobs.specs import Result, Shown, Spec
from harness.system.stored import Amount, Count, Figure, Name, Part, Pixels, Text
from harness.system.text import number, si, size_in_bytes

_COUNT = partial(number, digits=0)
_Counted = partial(Shown, compared=True)


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
    """See :func:`harness.measure.cost.measure_cost`; what older records lack is None.

    Attributes:
        told_by: the source of figures that nobody counted here.
        told_ms: milliseconds of a forward pass as that source says. They were measured elsewhere,
            so no table compares them.
    """

    params: Annotated[
        Amount,
        _Counted(
            "Parameters",
            "each shared weight once",
            form=_COUNT,
            axis="Parameters (thousands)",
            axis_unit=1e3,
        ),
    ]
    upsampler_params: Annotated[
        Amount | None,
        _Counted(
            "Of them upsampler",
            "weights that only the upsampler has",
            form=_COUNT,
            axis="Parameters of the upsampler alone (thousands)",
            axis_unit=1e3,
        ),
    ] = None
    weight_bytes: Annotated[Amount | None, _Counted(in_csv=True)] = None
    macs: Annotated[
        Amount,
        _Counted(
            "MACs",
            "multiply-accumulates of one forward pass, by the closed form",
            form=si,
            axis="MACs of a forward pass (G)",
            axis_unit=1e9,
        ),
    ]
    flops: Annotated[Amount | None, _Counted()] = None
    activations: Annotated[
        Amount | None,
        _Counted(
            "Activations",
            "elements of all convolutions' outputs",
            form=si,
            axis="Activations (M)",
            axis_unit=1e6,
        ),
    ] = None
    peak_memory_bytes: Annotated[
        Amount | None,
        _Counted(
            "Peak memory",
            "of one forward pass",
            form=size_in_bytes,
            axis="Peak memory (MiB)",
            axis_unit=2.0**20,
        ),
    ] = None
    peak_memory_method: Text | None = None
    lr_height: Pixels | None = None
    lr_width: Pixels | None = None
    uncounted: dict[Text, Amount] | None = None
    uncounted_operators: dict[Text, Count] | None = None
    counters: list[CountedMacs] | None = None
    modules: list[Module] | None = None
    told_by: Text | None = None
    told_ms: Amount | None = None

    def summary(self) -> str:
        return f"{self.params:,} parameters, {self.macs / 1e9:.1f} G MACs"
