"""One validated configuration of a run, from a YAML file and command-line options."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from harness.backends import DEFAULT_BACKEND, DTYPES, get_backend
from harness.errors import ConfigError
from harness.jobs.base import DEFAULT_MEMORY_FORMAT
from harness.metrics.protocol import DEFAULT_PROTOCOL, get_protocol
from harness.networks.weights import WeightsFile
from harness.system.yaml import load_yaml
from variants.catalog import SCALES, get_variant, list_models
from variants.errors import UnknownNameError

MOST_SHOWN = 200
"""Characters of a value that does not belong."""
KINDS = ("cost", "quality", "pictures", "latency")

Device = Literal["auto", "cpu", "cuda"]
Positive = Annotated[int, Field(ge=1)]
_T = TypeVar("_T")
Some = Annotated[tuple[_T, ...], Field(min_length=1)]
_SIZE = re.compile(r"[1-9]\d*x[1-9]\d*")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # Names that no file can have.
        return False


def check_divides(height: int, width: int, scale: int, what: str) -> None:
    """ConfigError if an HR size is no multiple of a scale; ``what`` it is the size of."""
    if height % scale or width % scale:
        raise ConfigError(f"{what}: an HR size of {width}x{height} is no multiple of {scale}")


def _as_options_are_typed(model: type[BaseModel], values: Any) -> Any:
    """Values as people write them in YAML: nothing for a default, one value for a list of one.

    A text is split at its commas, as on the command line; the path of a file stays whole.
    """
    if not isinstance(values, Mapping):
        return values
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        info = model.model_fields.get(name)
        if info is not None and "tuple" in str(info.annotation):
            if isinstance(value, str) and name != "weights":
                given[name] = tuple(word.strip() for word in value.split(",") if word.strip())
            elif isinstance(value, str | int | float | Mapping | WeightsFile):
                given[name] = (value,)
    return given


class CostConfig(BaseModel):
    """The HR size, in pixels, that costs refer to; the LR size is this over the scale."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hr_height: Positive = 720
    hr_width: Positive = 1280

    @model_validator(mode="before")
    @classmethod
    def _typed(cls, values: Any) -> Any:
        return _as_options_are_typed(cls, values)


class LatencyConfig(BaseModel):
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

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    @model_validator(mode="before")
    @classmethod
    def _typed(cls, values: Any) -> Any:
        return _as_options_are_typed(cls, values)

    @field_validator("batch", "threads", "memory_formats")
    @classmethod
    def _each_once(cls, values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return values and tuple(dict.fromkeys(values))

    @field_validator("lr_sizes")
    @classmethod
    def _known_sizes(cls, sizes: tuple[str, ...]) -> tuple[str, ...]:
        for size in sizes:
            if not _SIZE.fullmatch(size):
                raise ValueError(f"an LR size is WIDTHxHEIGHT, such as 320x180, not {size!r}")
        return tuple(dict.fromkeys(sizes))

    def lr_sizes_at(self, scale: int, device: str) -> list[tuple[int, int]]:
        """Heights and widths of the LR images to measure at.

        Raises:
            ConfigError: the HR size is no multiple of the scale.
        """
        if self.lr_sizes:
            sizes = (size.split("x") for size in self.lr_sizes)
            return [(int(height), int(width)) for width, height in sizes]
        cuda = device == "cuda"
        height = self.cuda_hr_height if cuda else self.cpu_hr_height
        width = self.cuda_hr_width if cuda else self.cpu_hr_width
        check_divides(height, width, scale, "latency")
        return [(height // scale, width // scale)]


class RunConfig(BaseModel):
    """Everything that decides what a run measures and where it puts it."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    variants: tuple[str, ...] = ("all",)
    scales: tuple[int, ...] = SCALES
    datasets: tuple[str, ...] | None = None
    dataset_folders: dict[str, Path] = Field(default_factory=dict)
    data_root: Path | None = None
    only: tuple[Literal["cost", "quality", "pictures", "latency"], ...] = KINDS  # type: ignore[assignment]
    limit: Positive | None = None
    device: Device = "auto"
    protocols: tuple[str, ...] = (DEFAULT_PROTOCOL,)
    weights: tuple[WeightsFile, ...] = ()
    dtypes: tuple[str, ...] = ("fp32",)
    backends: tuple[str, ...] = (DEFAULT_BACKEND,)
    save_images: bool = False
    pictures: tuple[str, ...] = ("all",)
    train: Literal["none", "missing"] = "none"
    recipe: str = "fast"
    workers: Positive = 1
    cost: CostConfig = CostConfig()
    latency: LatencyConfig = LatencyConfig()
    results: Path = Path("runs/latest")
    report: Path | None = None
    baseline: str = "ms-lapsrn"

    @model_validator(mode="before")
    @classmethod
    def _typed(cls, values: Any) -> Any:
        return _as_options_are_typed(cls, values)

    @field_validator("weights", mode="before")
    @classmethod
    def _weights_as_typed(cls, files: Any) -> Any:
        if not isinstance(files, list | tuple):
            return files
        return tuple(WeightsFile.parse(file) if isinstance(file, str) else file for file in files)

    @field_validator("variants")
    @classmethod
    def _known_variants(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if "all" in names:
            return tuple(list_models())
        for name in names:
            get_variant(name)
        return tuple(dict.fromkeys(names))

    @field_validator("baseline")
    @classmethod
    def _known_baseline(cls, name: str) -> str:
        return get_variant(name).name

    @field_validator("scales")
    @classmethod
    def _known_scales(cls, scales: tuple[int, ...]) -> tuple[int, ...]:
        for scale in scales:
            if scale not in SCALES:
                raise ValueError(f"scale must be 2, 4 or 8, not {scale}")
        return tuple(dict.fromkeys(scales))

    @field_validator("protocols")
    @classmethod
    def _known_protocols(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(get_protocol(name).name for name in names))

    @field_validator("dtypes")
    @classmethod
    def _known_dtypes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in DTYPES:
                raise UnknownNameError("dtype", name, DTYPES)
        return tuple(dict.fromkeys(names))

    @field_validator("backends")
    @classmethod
    def _known_backends(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            get_backend(name)
        return tuple(dict.fromkeys(names))

    @field_validator("weights")
    @classmethod
    def _known_weights(cls, files: tuple[WeightsFile, ...]) -> tuple[WeightsFile, ...]:
        for file in files:
            if not get_variant(file.variant).has_network:
                raise ValueError(f"{file.variant} has no network, so it takes no weights")
            if not _is_file(file.path):
                raise ValueError(f"no weights file at {file.path}")
        return files

    @property
    def report_folder(self) -> Path:
        return self.report or self.results / "report"


def load_config(path: Path | None, options: Mapping[str, Any]) -> RunConfig:
    """Merge a YAML file with command-line options, which win, in ``latency`` one by one.

    Args:
        path: a mapping with the names of :class:`RunConfig`'s fields, or None.
        options: field values given on the command line.

    Raises:
        ConfigError: the file cannot be read, or a value is not acceptable.
    """
    values: dict[str, Any] = {}
    if path is not None:
        content = load_yaml(path, "configuration file")
        if not isinstance(content, dict):
            raise ConfigError(f"{path} must hold a mapping of option names to values")
        for key in content:
            if key not in RunConfig.model_fields:
                raise ConfigError(
                    str(UnknownNameError(f"option in {path}:", str(key), RunConfig.model_fields))
                )
        values |= content
    latency = (values.get("latency"), options.get("latency"))
    values |= options
    if all(isinstance(part, dict) for part in latency):
        values["latency"] = {**latency[0], **latency[1]}  # type: ignore[dict-item]
    try:
        return RunConfig(**values)
    except ValidationError as error:
        problems = "; ".join(_describe(detail) for detail in error.errors())
        raise ConfigError(problems) from error


def _describe(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, ValueError):
        return str(cause)
    where = ".".join(str(part) for part in detail["loc"])
    given = repr(detail["input"])
    shown = given if len(given) <= MOST_SHOWN else f"{given[:MOST_SHOWN]}..."
    return f"{where}: {message} (got {shown})"
