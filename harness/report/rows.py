"""Records and the rows of the report that they belong to."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Generic, Self

import numpy as np
from numpy.typing import NDArray

from harness.jobs.base import R, Record, S, Status
from harness.jobs.cost.models import CostResult, CostSpec
from harness.jobs.latency.models import LatencyResult, LatencySpec
from harness.jobs.quality.models import ImageScores, QualityResult, QualitySpec
from harness.jobs.specs import Spec
from harness.metrics.registry import METRICS, Metric
from harness.networks.identity import BY_THIS_PROJECT, DEFAULT_MEMORY_FORMAT
from harness.report.recipe import recipe_and_seed
from harness.system.stored import as_number

Float64Array = NDArray[np.float64]
Place = tuple[int, str]
"""Scale and dataset."""

DEFAULT_DTYPE, DEFAULT_BACKEND = "float32", "eager"
"""What records mean that do not say it."""
EXTERNAL = "external"
UNREMARKABLE_WEIGHTS = ("shipped", "none", "any", EXTERNAL, "own")
_MATCONVNET = re.compile(r"(?i)\.mat\b")
"""LapSRN's authors released MatConvNet files; nothing else that a run can load ends so."""
_REASONS = {"no_weights": "no weights yet", "failed": "the job failed"}


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
        says_weights: whether the title names the weights; not where all networks have such ones.
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
    says_weights: bool = field(default=True, compare=False)

    @classmethod
    def of(cls, spec: Spec, common_weights: str = "") -> Self:
        """The row that a record belongs to.

        Args:
            spec: the record's.
            common_weights: the label that the weights of all networks of the report share.
        """
        variant = spec.variant
        architecture = variant.architecture
        options = (None if architecture is None else architecture.upsampler_options) or {}
        weights = spec.weights.label
        recipe, seed = recipe_and_seed(weights) or ("", None)
        return cls(
            variant=variant.name,
            label=variant.label or variant.name,
            weights=weights,
            dtype=spec.dtype,
            backend=spec.backend,
            paper_row=variant.paper_row,
            upsampler=None if architecture is None else architecture.upsampler,
            upsampler_options=tuple(sorted((str(k), str(v)) for k, v in options.items())),
            has_network=variant.has_network or weights == EXTERNAL,
            recipe=recipe,
            seed=seed,
            from_authors=_is_released(spec.weights.origin or ""),
            says_weights=weights != common_weights,
        )

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
        usual = self.weights in UNREMARKABLE_WEIGHTS or not self.says_weights
        words = [] if usual else [self.weights]
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
class Measured(Generic[S, R]):
    """A record as a cell of the tables: with its row, and figures that may be missing."""

    record: Record[S, R]
    common_weights: str = ""
    """The label that the weights of all networks of the report share."""

    @cached_property
    def row(self) -> ReportRow:
        """Which row it belongs to."""
        return ReportRow.of(self.spec, self.common_weights)

    @property
    def spec(self) -> S:
        """What was measured."""
        return self.record.spec

    @property
    def result(self) -> R | None:
        """What was found; None where the status is not ``done``."""
        return self.record.result

    @property
    def scale(self) -> int:
        """Of the network."""
        return self.spec.scale

    @property
    def status(self) -> Status:
        """``done`` carries figures, any other a reason."""
        return self.record.status

    @property
    def reason(self) -> str:
        """Why it holds no figures; empty where it does."""
        if self.status == "done":
            return ""
        return self.record.reason or _REASONS.get(self.status, self.status)

    def figure(self, name: str) -> float | None:
        """A named figure of the result, None where it is missing."""
        return None if self.result is None else as_number(self.result.figure(name))


class Cost(Measured[CostSpec, CostResult]):
    """What a variant costs at a scale, whatever the images."""


class Quality(Measured[QualitySpec, QualityResult]):
    """Quality of one row on one dataset at one scale."""

    @property
    def dataset(self) -> str:
        """Its name."""
        return self.spec.dataset.name

    @property
    def protocol(self) -> str:
        """Its name."""
        return self.spec.protocol.name

    @property
    def n_images(self) -> int:
        """How many were measured."""
        return (self.result.n_images if self.result else 0) or len(self.images)

    @cached_property
    def means(self) -> Mapping[str, float]:
        """The record's means by metric."""
        scores = self.result.scores if self.result else {}
        return {key: float(value) for key, value in scores.items()}

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Their names; none in a record without images."""
        return tuple(image.image for image in self._images)

    @cached_property
    def values(self) -> Mapping[str, Float64Array]:
        """Per image by metric, aligned with ``images``; NaN where an image lacks it."""
        scores = [image.scores for image in self._images]
        return {
            key: np.array([float(image.get(key, math.nan)) for image in scores])
            for key in METRICS
            if key in self.means or any(key in image for image in scores)
        }

    @property
    def _images(self) -> list[ImageScores]:
        return (self.result and self.result.images) or []

    def mean(self, metric: Metric) -> float | None:
        """The mean over images; None where it was not measured."""
        return self.means.get(metric.key)

    def finite_mean(self, metric: Metric) -> float | None:
        """The mean where it can be compared and drawn."""
        mean = self.mean(metric)
        return mean if mean is not None and math.isfinite(mean) else None


class Latency(Measured[LatencySpec, LatencyResult]):
    """How long a forward pass takes on one device."""

    @property
    def is_noisy(self) -> bool:
        """Whether the median was not known to the target in the time allowed."""
        return bool(self.result and self.result.noisy)

    @property
    def is_warmup_stable(self) -> bool:
        """Whether the time stood still when the warm-up's was over."""
        return self.result is None or self.result.warmup_stable is not False

    @property
    def title(self) -> str:
        """The row's, and the memory format if it is not the usual one."""
        form = self.spec.memory_format
        usual = form == DEFAULT_MEMORY_FORMAT or not self.row.has_network
        return self.row.titled(*([] if usual else [form]))

    @property
    def place(self) -> str:
        """Device, threads and input size: what must agree for two latencies to be compared."""
        spec = self.spec
        words = [spec.device_name or spec.device]
        if spec.device == "cpu" and spec.threads:
            words.append(f"{spec.threads} thread{'' if str(spec.threads) == '1' else 's'}")
        if str(spec.batch or "1") != "1":
            words.append(f"batch {spec.batch}")
        return ", ".join([*words, f"LR {spec.lr_width}\u00d7{spec.lr_height}"])


def _is_released(origin: str) -> bool:
    """Whether the origin of weights is a file of the authors', not a training from one."""
    return not origin.startswith(BY_THIS_PROJECT) and bool(_MATCONVNET.search(origin))
