"""What records hold, once read, and the rows that they belong to: plain, typed, immutable."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.jobs.cost.models import CountedMacs, Module
from harness.metrics.registry import Metric
from harness.networks.identity import DEFAULT_MEMORY_FORMAT

Float64Array = NDArray[np.float64]
Place = tuple[int, str]
"""Scale and dataset."""

DEFAULT_DTYPE, DEFAULT_BACKEND = "float32", "eager"
"""What records mean that do not say it."""
EXTERNAL = "external"
UNREMARKABLE_WEIGHTS = ("shipped", "none", "any", EXTERNAL, "own")


@dataclass(frozen=True)
class ReportRow:
    """What a row of the tables stands for: a variant, its weights, dtype and backend.

    Attributes:
        variant: its name.
        label: what reports print of the variant, foreign text.
        weights: the weights' label: ``shipped``, ``none``, a file's stem, or ``any`` where figures
            do not depend on them.
        dtype: of the network's arithmetic.
        backend: ``eager`` or a compiler's name.
        paper_row: the row of the paper's Table 1 to compare with.
        upsampler: registered name of the upsampler, None without one that is known.
        upsampler_options: the upsampler's.
        has_network: False for plain interpolation; another program has one, whatever it is.
        recipe: what trainings that differ in their seed have in common.
        seed: of the training, None where it is not told.
        from_authors: whether the weights are a network that LapSRN's authors released.
    """

    variant: str
    label: str
    weights: str
    dtype: str = DEFAULT_DTYPE
    backend: str = DEFAULT_BACKEND
    paper_row: str | None = field(default=None, compare=False)
    upsampler: str | None = field(default=None, compare=False)
    upsampler_options: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    has_network: bool = field(default=True, compare=False)
    recipe: str = field(default="", compare=False)
    seed: str | None = field(default=None, compare=False)
    from_authors: bool = field(default=False, compare=False)

    @property
    def title(self) -> str:
        """The label, and whatever sets this row apart from the variant's usual one."""
        return self.titled()

    @property
    def network_title(self) -> str:
        """The title without how the network computes: of what is the same for all such rows."""
        return replace(self, dtype=DEFAULT_DTYPE, backend=DEFAULT_BACKEND).title

    def titled(self, *more: str) -> str:
        """The title with more words in its brackets."""
        words = [] if self.weights in UNREMARKABLE_WEIGHTS else [self.weights]
        # How an interpolation computes, or another program did, is no choice to compare.
        if self.has_network and not self.is_external:
            words += [] if self.dtype == DEFAULT_DTYPE else [self.dtype]
            words += [] if self.backend == DEFAULT_BACKEND else [self.backend]
        words += more
        return f"{self.label} [{', '.join(words)}]" if words else self.label

    @property
    def rewritten(self) -> str:
        """The network by variant and backend, which may have rewritten it."""
        return f"{self.variant} [{self.backend}]"

    @property
    def execution(self) -> tuple[str, str]:
        """The dtype and the backend: what must agree for two rows to be computed alike."""
        return self.dtype, self.backend

    @property
    def is_external(self) -> bool:
        """Whether another program made its images: how it computes and its cost are not known."""
        return self.weights == EXTERNAL

    @property
    def is_plain(self) -> bool:
        """Whether it is computed in eager float32."""
        return self.execution == (DEFAULT_DTYPE, DEFAULT_BACKEND)

    @property
    def is_tied(self) -> bool:
        """Whether its upsampler uses the weights of a convolution."""
        return "conv" in dict(self.upsampler_options)


@dataclass(frozen=True)
class Quality:
    """Quality of one row on one dataset at one scale.

    Attributes:
        status: the record's; ``done`` carries figures, any other a reason.
        means: the record's means by metric.
        values: per image by metric, aligned with ``images``; empty in a record without images.
        dataset_sha256: tells two datasets (or selections) of one name apart.
        network_seconds: time inside the network, of ``total_seconds``.
    """

    row: ReportRow
    scale: int
    dataset: str
    protocol: str
    status: str
    reason: str
    n_images: int = 0
    means: Mapping[str, float] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    values: Mapping[str, Float64Array] = field(default_factory=dict)
    dataset_sha256: str = ""
    network_seconds: float | None = None
    total_seconds: float | None = None

    def mean(self, metric: Metric) -> float | None:
        """The mean over images; None where it was not measured."""
        return self.means.get(metric.key)

    def finite_mean(self, metric: Metric) -> float | None:
        """The mean where it can be compared and drawn."""
        mean = self.mean(metric)
        return mean if mean is not None and math.isfinite(mean) else None


@dataclass(frozen=True)
class Cost:
    """What a variant costs at a scale, whatever the images.

    Attributes:
        uncounted: of the MACs, what counters of convolutions do not see: words to a number.
        uncounted_operators: of a network from outside, what its MACs leave out: names to how often
            it ran.
    """

    row: ReportRow
    scale: int
    hr_height: int
    hr_width: int
    status: str
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)
    peak_memory_method: str = ""
    uncounted: Mapping[str, float] = field(default_factory=dict)
    uncounted_operators: Mapping[str, int] = field(default_factory=dict)
    counters: tuple[CountedMacs, ...] = ()
    modules: tuple[Module, ...] = ()

    def figure(self, name: str) -> float | None:
        """A named figure of the record, None where it is missing."""
        return self.figures.get(name)


@dataclass(frozen=True)
class Latency:
    """How long a forward pass takes on one device, in milliseconds.

    Attributes:
        noisy: the median was not known to the target in the time allowed.
        samples: every timed pass, where the record keeps them.
        rounds: in which round each of the samples was taken; calls of one group take turns.
        group: records that share it were measured in turns in one process; empty where not told.
        memory_format: of the network's tensors.
        warmup_stable: False where the time was still moving when the warm-up's time was over.
        reference: GFLOP/s by kind that large operators reached in the same run.
        conditions: of a GPU: what TF32, cuDNN and the clocks were set to.
    """

    row: ReportRow
    scale: int
    device: str
    device_name: str
    threads: str
    batch: str
    lr_height: int
    lr_width: int
    status: str
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)
    noisy: bool = False
    samples: tuple[float, ...] = ()
    rounds: tuple[int, ...] = ()
    group: str = ""
    memory_format: str = DEFAULT_MEMORY_FORMAT
    warmup_stable: bool = True
    reference: Mapping[str, float] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The row's, and the memory format if it is not the usual one."""
        usual = self.memory_format == DEFAULT_MEMORY_FORMAT or not self.row.has_network
        return self.row.titled(*([] if usual else [self.memory_format]))

    @property
    def place(self) -> str:
        """Device, threads and input size: what must agree for two latencies to be compared."""
        words = [self.device_name or self.device]
        if self.device == "cpu" and self.threads:
            words.append(f"{self.threads} thread{'' if self.threads == '1' else 's'}")
        if self.batch not in ("", "1"):
            words.append(f"batch {self.batch}")
        return ", ".join([*words, f"LR {self.lr_width}\u00d7{self.lr_height}"])

    def figure(self, name: str) -> float | None:
        """A named figure of the record, None where it is missing."""
        return self.figures.get(name)


@dataclass(frozen=True)
class Curve:
    """Validation PSNR during one training: (steps, dB) by scale."""

    name: str
    points: Mapping[int, tuple[tuple[float, float], ...]]
