"""What a latency job is asked for, and what it finds."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.jobs.options import Options, Positive, Some, lr_size
from harness.jobs.specs import Result, Shown, Spec
from harness.networks.identity import DEFAULT_MEMORY_FORMAT
from harness.system.stored import Amount, Count, Name, Part, Pixels, Text
from harness.system.text import NONE, number, size_in_bytes, size_in_pixels


class LatencyConfig(Options):
    """What latency is measured at, and for how long.

    The defaults keep a run over all variants within two or three minutes on a small CPU. On a GPU
    the HR size is that of the cost figures.

    Attributes:
        cpu_hr_height, cpu_hr_width, cuda_hr_height, cuda_hr_width: in pixels; the LR size is this
            over the scale.
        lr_sizes: ``WIDTHxHEIGHT``, the same at every scale, instead of the HR sizes.
        batch, threads, memory_formats: one value or several; each combination is measured.
        warmup_s, max_s, min_samples, target: see
            :class:`harness.measure.latency.LatencyOptions`.
    """

    cpu_hr_height: Positive = 256
    cpu_hr_width: Positive = 256
    cuda_hr_height: Positive = 720
    cuda_hr_width: Positive = 1280
    lr_sizes: tuple[str, ...] = ()
    batch: Some[Positive] = (1,)
    threads: Some[Positive] | None = None
    memory_formats: Some[Literal["channels_last", "contiguous"]] = (DEFAULT_MEMORY_FORMAT,)
    warmup_s: Annotated[float, Field(ge=0)] = 0.3
    max_s: Annotated[float, Field(gt=0)] = 3.0
    min_samples: Annotated[int, Field(ge=3)] = 20
    target: Annotated[float, Field(gt=0)] = 0.01

    @field_validator("batch", "threads", "memory_formats")
    @classmethod
    def _each_once(cls, values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return values and tuple(dict.fromkeys(values))

    @field_validator("lr_sizes")
    @classmethod
    def _known_sizes(cls, sizes: tuple[str, ...]) -> tuple[str, ...]:
        for size in sizes:
            if size_in_pixels(size) is None:
                raise ValueError(f"an LR size is WIDTHxHEIGHT, such as 320x180, not {size!r}")
        return tuple(dict.fromkeys(sizes))

    def lr_sizes_at(self, scale: int, device: str) -> list[tuple[int, int]]:
        """Heights and widths of the LR images to measure at.

        Raises:
            ConfigError: the HR size is no multiple of the scale.
        """
        if self.lr_sizes:
            sizes = filter(None, map(size_in_pixels, self.lr_sizes))
            return [(height, width) for width, height in sizes]
        cuda = device == "cuda"
        height = self.cuda_hr_height if cuda else self.cpu_hr_height
        width = self.cuda_hr_width if cuda else self.cpu_hr_width
        asked = {f"{device}_hr_height", f"{device}_hr_width"} & self.model_fields_set
        return [lr_size(height, width, scale, "latency", by_default=not asked)]


class TimingOptions(Part):
    """When to stop: see :class:`harness.measure.latency.LatencyOptions`."""

    warmup_s: Amount
    max_s: Amount
    min_samples: Count
    target: Amount


class LatencySpec(Spec):
    """A network on a device at a size; ``options`` may be missing in foreign records."""

    device: Name
    device_name: Text
    dtype: Name
    threads: Count | Name
    batch: Count | Name
    lr_height: Pixels
    lr_width: Pixels
    versions: dict[str, str] | None = None
    options: TimingOptions | None = None

    def details(self) -> list[str]:
        size = f"{self.lr_width}x{self.lr_height}"
        return [size, f"batch {self.batch}", f"threads {self.threads}"]

    def cell(self) -> list[str]:
        where = [self.device, self.device_name, self.dtype, str(self.threads), str(self.batch)]
        size = [str(self.lr_height), str(self.lr_width)]
        return [*where, *size, self.backend, self.memory_format]

    def estimated_s(self) -> float:
        options = self.options
        return float(options.max_s + 2 * options.warmup_s) if options else super().estimated_s()


def _rate(gflops: float | None) -> str:
    # Older records give 0 for an interpolation, which has no MACs to count.
    return number(gflops or None, 1)


def _energy(mj: float | None) -> str:
    # The counter's moves are known to 2 %.
    return number(mj, 0 if mj is not None and mj >= 100 else 2)


def _percent(share: float | None) -> str:
    return f"{100 * share:.0f} %" if share else NONE


class Reference(Part):
    """GFLOP/s that large operators reached in the same run."""

    gflops: Amount | None = None
    conv_gflops: Amount | None = None
    gemm_gflops: Amount | None = None


class LatencyResult(Result):
    """Times of a forward pass in milliseconds; what older records lack is None.

    Attributes:
        samples_ms: every timed pass.
        rounds: in which round each of the samples was taken; calls of one group take turns.
        group: records that share it were measured in turns in one process.
        noisy: the median was not known to the target in the time allowed.
        warmup_stable: False where the time was still moving when the warm-up's time was over.
        busy_percent: of the processors, used by others.
        tf32, cudnn_benchmark, clocks: what they were set to on a GPU.
    """

    median_ms: Annotated[
        Amount,
        Shown("Median (ms)", "of the forward passes after warm-up", compared=True, quantile=0.5),
    ]
    iqr_ms: Annotated[Amount | None, Shown(in_csv=True)] = None
    median_low_ms: Annotated[Amount | None, Shown()] = None
    median_high_ms: Annotated[Amount | None, Shown()] = None
    p5_ms: Annotated[
        Amount | None, Shown("5th\u201395th percentile (ms)", "of the forward passes")
    ] = None
    p90_ms: Annotated[Amount | None, Shown()] = None
    p95_ms: Annotated[Amount | None, Shown(compared=True, quantile=0.95)] = None
    p99_ms: Annotated[Amount | None, Shown()] = None
    min_ms: Annotated[Amount | None, Shown()] = None
    first_call_ms: Annotated[Amount | None, Shown(in_csv=True)] = None
    warmup_stable: Annotated[bool | None, Shown()] = None
    n: Annotated[Count | None, Shown(in_csv=True)] = None
    noisy: Annotated[bool | None, Shown()] = None
    busy_percent: Annotated[Amount | None, Shown()] = None
    gflops: Annotated[
        Amount | None,
        Shown("GFLOP/s", "twice the MACs over the median", form=_rate),
    ] = None
    share_of_reference: Annotated[
        Amount | None,
        Shown("Of the reference", "of what large operators reach: see below", form=_percent),
    ] = None
    peak_memory_bytes: Annotated[
        Amount | None,
        Shown("Peak memory", "of one forward pass, by the GPU's allocator", form=size_in_bytes),
    ] = None
    energy_mj: Annotated[
        Amount | None,
        Shown(
            "Energy (mJ)",
            "of one forward pass among many in a row, by the GPU's own counter",
            form=_energy,
        ),
    ] = None
    samples_ms: list[Amount] | None = None
    rounds: list[Annotated[int, Field(ge=0)]] | None = None
    group: Text | None = None
    reference: Reference | None = None
    tf32: Any = None
    cudnn_benchmark: Any = None
    clocks: Any = None

    @model_validator(mode="after")
    def _each_sample_in_a_round(self) -> Self:
        n, rounds = len(self.samples_ms or ()), len(self.rounds or ())
        if rounds not in (0, n):
            raise ValueError(f"{n} samples were taken in {rounds} rounds")
        return self

    def summary(self) -> str:
        return f"{self.median_ms:.1f} ms, n = {self.n}"
