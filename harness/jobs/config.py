"""One validated configuration of a run, from a YAML file and command-line options."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)

from harness.backends import AUTO, DEFAULT_BACKEND, get_backend, recorded_dtype
from harness.errors import ConfigError
from harness.jobs.axes import check_builds, expand
from harness.jobs.kinds import kinds
from harness.jobs.options import Options, Positive, UserPath
from harness.metrics.protocol import DEFAULT_PROTOCOL, get_protocol
from harness.metrics.registry import require
from harness.networks.brought import BroughtNetwork, use_networks
from harness.networks.weights import WeightsFile
from harness.system.plugins import use_plugins
from harness.system.yaml import load_yaml, parse_yaml
from variants.axes import split_names
from variants.catalog import SCALES, catalogs_in_use, get_variant, list_models, use_catalogs
from variants.errors import UnknownNameError

MOST_SHOWN = 200
"""Characters of a value that does not belong."""

Device = Literal["auto", "cpu", "cuda"]
_Part = TypeVar("_Part", bound=Options)


def _several(value: Any) -> Any:
    """A list as it is; of a text its words, as YAML reads them; one value as a list."""
    if isinstance(value, str):
        return [parse_yaml(word.encode(), word) for word in split_names(value)]
    return value if isinstance(value, list | tuple) else [value]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # Names that no file can have.
        return False


class CommonConfig(Options):
    """Everything that decides what a run measures and where it puts it, but for kinds' options."""

    model_config = ConfigDict(validate_default=True)

    plugins: tuple[UserPath, ...] = ()
    catalog: tuple[str, ...] = ()
    axes: dict[str, tuple[int | float | str, ...]] = Field(default_factory=dict)
    networks: dict[str, BroughtNetwork] = Field(default_factory=dict)
    variants: tuple[str, ...] = ("all",)
    scales: tuple[int, ...] = SCALES
    dataset_folders: dict[str, UserPath] = Field(default_factory=dict)
    datasets: tuple[str, ...] | None = None
    data_root: UserPath | None = None
    only: tuple[str, ...] = tuple(kinds())
    limit: Positive | None = None
    device: Device = "auto"
    protocols: tuple[str, ...] = (DEFAULT_PROTOCOL,)
    metrics: tuple[str, ...] = ()
    weights: tuple[WeightsFile, ...] = ()
    authors_weights: bool = False
    dtypes: tuple[str, ...] = ("fp32",)
    fold: bool = False
    backends: tuple[str, ...] = (DEFAULT_BACKEND,)
    save_images: bool = False
    pictures: tuple[str, ...] = ("all",)
    train: Literal["none", "missing"] = "none"
    recipe: str = "fast"
    workers: Positive = 1
    executor: str = "local"
    results: UserPath = Path("runs/latest")
    report: UserPath | None = None
    baseline: str = "ms-lapsrn"

    @field_validator(
        *("variants", "scales", "datasets", "only", "protocols", "dtypes", "backends"),
        mode="before",
    )
    @classmethod
    def _not_empty(cls, values: Any, info: ValidationInfo) -> Any:
        """Nothing to measure is a slip: it would end well and have measured nothing."""
        brought = info.field_name == "datasets" and info.data.get("dataset_folders")
        if isinstance(values, list | tuple) and not values and not brought:
            raise ValueError(
                f"{info.field_name} is empty: name some, or leave it out for the default"
            )
        return values

    @field_validator("axes", mode="before")
    @classmethod
    def _axes_as_typed(cls, axes: Any) -> Any:
        """One value, or a text with commas, for a list."""
        if not isinstance(axes, dict):
            return axes
        several = {key: _several(value) for key, value in axes.items()}
        if empty := [str(key) for key, values in several.items() if not values]:
            raise ValueError(f"axes: {', '.join(empty)} has no values")
        return several

    @field_validator("weights", mode="before")
    @classmethod
    def _weights_as_typed(cls, files: Any) -> Any:
        if not isinstance(files, list | tuple):
            return files
        read = [WeightsFile.read(file) if isinstance(file, str) else (file,) for file in files]
        return tuple(file for each in read for file in each)

    @field_validator("plugins")
    @classmethod
    def _plugins_in_use(cls, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        """Executed here, for other fields name what they register."""
        use_plugins(paths)
        return paths

    @field_validator("catalog")
    @classmethod
    def _catalogs_in_use(cls, catalogs: tuple[str, ...]) -> tuple[str, ...]:
        """Taken into use here, for other fields name what is in them."""
        use_catalogs(catalogs)
        return catalogs_in_use()

    @field_validator("networks")
    @classmethod
    def _networks_in_use(cls, networks: dict[str, BroughtNetwork]) -> dict[str, BroughtNetwork]:
        """Registered here, for other fields name them."""
        use_networks(networks)
        return networks

    @field_validator("variants")
    @classmethod
    def _known_variants(cls, names: tuple[str, ...], given: ValidationInfo) -> tuple[str, ...]:
        """Those that are named, and the networks that the run brings."""
        if "all" in names:
            names = tuple(list_models())
        names = expand(names, given.data.get("axes", {}))
        for name in names:
            if "[" in name:
                check_builds(get_variant(name))
        return tuple(dict.fromkeys((*names, *given.data.get("networks", ()))))

    @field_validator("baseline")
    @classmethod
    def _known_baseline(cls, name: str) -> str:
        return get_variant(name).name

    @field_validator("scales")
    @classmethod
    def _known_scales(cls, scales: tuple[int, ...], given: ValidationInfo) -> tuple[int, ...]:
        networks = [v for v in map(get_variant, given.data.get("variants", ())) if v.has_network]
        for scale in scales:
            if scale not in SCALES and not any(network.serves(scale) for network in networks):
                raise ValueError(
                    f"scale must be 2, 4 or 8, not {scale}: no network of this run is for {scale}x"
                )
        return tuple(dict.fromkeys(scales))

    @field_validator("only")
    @classmethod
    def _known_kinds(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in kinds():
                raise UnknownNameError("kind of job", name, kinds())
        return names

    @field_validator("protocols")
    @classmethod
    def _known_protocols(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(get_protocol(name).name for name in names))

    @field_validator("metrics")
    @classmethod
    def _known_metrics(cls, keys: tuple[str, ...], given: ValidationInfo) -> tuple[str, ...]:
        protocols = [get_protocol(name) for name in given.data.get("protocols", ())]
        return tuple(dict.fromkeys(require(key, protocols).key for key in keys))

    @field_validator("dtypes")
    @classmethod
    def _known_dtypes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        recorded = ((name, recorded_dtype(name)) for name in names)
        return tuple(dict.fromkeys(to if "[" in name else name for name, to in recorded))

    @field_validator("backends")
    @classmethod
    def _known_backends(cls, names: tuple[str, ...], given: ValidationInfo) -> tuple[str, ...]:
        for name in names:
            if name != AUTO:
                get_backend(name)
        return tuple(dict.fromkeys((*names, "folded") if given.data.get("fold") else names))

    @field_validator("weights")
    @classmethod
    def _known_weights(cls, files: tuple[WeightsFile, ...]) -> tuple[WeightsFile, ...]:
        for file in files:
            variant = get_variant(file.variant)
            if not variant.has_network or variant.brings_weights:
                why = "brings its own" if variant.has_network else "has no network, so it takes no"
                raise ValueError(f"{file.variant} {why} weights")
            if not _is_file(file.path):
                raise ValueError(f"no weights file at {file.path}")
        return files

    @property
    def report_folder(self) -> Path:
        return self.report or self.results / "report"

    def part(self, options: type[_Part]) -> _Part:
        """The options of a kind of job."""
        (name,) = (kind.name for kind in kinds().values() if kind.options is options)
        part: _Part = getattr(self, name)
        return part


_PARTS = {kind.name: kind.options for kind in kinds().values() if kind.options is not None}

if TYPE_CHECKING:
    RunConfig = CommonConfig
else:
    RunConfig = create_model(
        "RunConfig",
        __base__=CommonConfig,
        __doc__="Everything that decides what a run measures and where it puts it.",
        __module__=__name__,
        **{name: (options, options()) for name, options in _PARTS.items()},
    )


def load_config(path: Path | None, options: Mapping[str, Any]) -> RunConfig:
    """Merge a YAML file with command-line options, which win, in a kind's options one by one.

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
            _require_field(str(key), str(path))
        values |= content
    merged = {
        name: {**values[name], **options[name]}
        for name in _PARTS
        if isinstance(values.get(name), dict) and isinstance(options.get(name), dict)
    }
    values |= {**options, **merged}
    try:
        return RunConfig(**values)
    except ValidationError as error:
        problems = "; ".join(_describe(detail) for detail in error.errors())
        raise ConfigError(problems) from error


def with_settings(options: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Options, and fields that are given as ``NAME=VALUE`` or, of a part, ``PART.NAME=VALUE``.

    Args:
        options: field values by name.
        settings: such texts; a value is read as in a YAML file.

    Raises:
        ConfigError: a text of another form, a field that there is not, or one given twice.
    """
    merged = dict(options)
    for text in settings:
        name, equals, value = text.partition("=")
        field, dot, part = name.strip().partition(".")
        if not (field and equals) or bool(dot) != bool(part):
            raise ConfigError(f"--set {text!r} is not NAME=VALUE, such as latency.max_s=5")
        _require_field(field, "--set")
        given = parse_yaml(value.encode("utf-8", "surrogateescape"), f"--set {text}")
        known = merged.get(field)
        if dot and isinstance(known, dict) and part not in known:
            merged[field] = {**known, part: given}
        elif field in merged:
            raise ConfigError(f"{name} is given twice: by --set {text}, and before")
        else:
            merged[field] = {part: given} if dot else given
    return merged


def _require_field(name: str, where: str) -> None:
    if name not in RunConfig.model_fields:
        raise ConfigError(
            str(UnknownNameError(f"option in {where}:", name, RunConfig.model_fields))
        )


def _describe(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, ValueError):
        return str(cause)
    where = ".".join(str(part) for part in detail["loc"])
    given = repr(detail["input"])
    shown = given if len(given) <= MOST_SHOWN else f"{given[:MOST_SHOWN]}..."
    return f"{where}: {message} (got {shown})"
