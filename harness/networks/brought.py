"""Networks that a run brings: ``--network NAME=module:factory``, ``FILE.py:factory`` or a file."""

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.errors import ConfigError
from harness.system import plugins
from harness.system.files import sha256_of
from harness.system.plugins import PluginError
from variants.catalog import forget_variant
from variants.errors import VariantError, in_words
from variants.origin import content_of
from variants.outside import Colour, OutsideNetwork, register_network

if TYPE_CHECKING:
    from torch import nn

WEIGHTS_FILES = (".pth", ".pt", ".ckpt", ".safetensors")
"""Endings of files whose architecture spandrel is asked for."""


class BroughtNetwork(BaseModel):
    """Where a network comes from, and what it takes: in YAML a text, or a mapping.

    Attributes:
        source: ``module:factory``, ``FILE.py:factory``, or a file of weights whose architecture
            spandrel recognises; in YAML ``from``.
        colour, scales, multiple, label: see :func:`variants.outside.register_network`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    source: str = Field(alias="from")
    colour: Colour | None = None
    scales: tuple[int, ...] | None = None
    multiple: int | None = None
    label: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_typed(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"from": given}
        if isinstance(given, Mapping) and isinstance(given.get("scales"), int):
            return {**given, "scales": (given["scales"],)}
        return given


_BROUGHT: dict[str, tuple[BroughtNetwork, str | None]] = {}
"""By name: where it comes from, with an absolute path, and the SHA-256 of that file."""


def use_networks(networks: Mapping[str, BroughtNetwork]) -> None:
    """Register networks by name, in this process and in those that execute jobs planned in it.

    Modules are looked for in the working folder, too, and are executed, as plug-ins are.

    Raises:
        ConfigError: a source is none of a module, a Python file and a file of weights.
        PluginError: its module cannot be read, fails, or was changed since it was taken into use.
        VariantError: a name is taken, or an option has an impossible value.
    """
    for name, network in networks.items():
        located = network.model_copy(update={"source": _located(name, network.source)})
        known = _BROUGHT.get(name)
        if known is not None and known[0] != located:
            forget_variant(name)
            del _BROUGHT[name]
            _tell()
        _use(name, located, None)


def use_inputs(inputs: Mapping[str, Any]) -> None:
    """Take into use in this process what a job was planned with: plug-ins and networks.

    Raises:
        PluginError: something cannot be used, or is no longer the same.
    """
    plugins.use_inputs(inputs)
    for name, network, sha256 in inputs.get("networks", ()):
        _use(name, BroughtNetwork.model_validate(network), sha256)


def _use(name: str, network: BroughtNetwork, planned: str | None) -> None:
    if name in _BROUGHT:
        # A module that was imported stays what it was; its file tells what a new process would get.
        sha256, before = _content_now(network.source), _BROUGHT[name][1]
        if sha256 != before or (planned or sha256) != sha256:
            when = "the run was going on; run it again" if planned else "it was in use; start anew"
            raise PluginError(f"network {name}: {network.source} was changed while {when}")
        return
    registered = _register(name, network)
    if planned is not None and registered.content != planned:
        raise PluginError(
            f"network {name}: {network.source} was changed while the run was going on; run it again"
        )
    _BROUGHT[name] = network, registered.content
    _tell()


def _tell() -> None:
    """Let the inputs of jobs hold what is in use."""
    plugins.ALSO["networks"] = [
        [name, network.model_dump(by_alias=True), sha256]
        for name, (network, sha256) in _BROUGHT.items()
    ]


def _located(name: str, source: str) -> str:
    """The source with an absolute path where it is a file."""
    path, colon, factory = source.rpartition(":")
    if colon and path.endswith(".py") and factory.isidentifier():
        return f"{os.path.abspath(path)}:{factory}"  # noqa: PTH100  as typed, links unresolved
    if source.lower().endswith(WEIGHTS_FILES):
        return os.path.abspath(source)  # noqa: PTH100
    if colon and factory.isidentifier() and all(map(str.isidentifier, path.split("."))):
        return source
    raise ConfigError(
        f"network {name}: {source!r} is none of module:factory, FILE.py:factory and a file of "
        f"weights ({', '.join(WEIGHTS_FILES)})"
    )


def file_of(source: str) -> str | None:
    """The file that a source names; None of a module, which is found by its name."""
    path, _, _ = source.rpartition(":")
    if _is_file(source):
        return source
    return path if path.endswith(".py") else None


def with_file(source: str, file: str) -> str:
    """The same source with its file at another path."""
    return file if _is_file(source) else f"{file}:{source.rpartition(':')[2]}"


def _content_now(source: str) -> str | None:
    file = file_of(source)
    if file is None:
        found = find_spec(source.rpartition(":")[0])
        file = (found and found.origin) or ""
    try:
        return sha256_of(Path(file))
    except OSError:
        return None


def _is_file(source: str) -> bool:
    return source.lower().endswith(WEIGHTS_FILES)


def _register(name: str, network: BroughtNetwork) -> OutsideNetwork:
    options: dict[str, Any] = network.model_dump(exclude={"source"})
    if _is_file(network.source):
        from harness.networks.spandrel import recognise

        found = recognise(Path(network.source))
        given = {key: value for key, value in options.items() if value is not None}
        return register_network(name, found, content=found.sha256, **{**found.options, **given})
    factory, content = _factory(name, network.source)
    return register_network(name, factory, content=content, **options)


def _factory(name: str, source: str) -> "tuple[Callable[..., nn.Module], str | None]":
    """What makes the network, and the SHA-256 of the file that the source names."""
    where, _, attribute = source.rpartition(":")
    if where.endswith(".py"):
        module = plugins.execute_file(where)
    else:
        if "" not in sys.path and str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))  # As `python -m` has it.
        try:
            module = importlib.import_module(where)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"network {name}: module {where} cannot be imported: {in_words(error)}"
            ) from error
    factory = getattr(module, attribute, None)
    if factory is None:
        raise VariantError(f"network {name}: {where} has no {attribute}")
    return factory, content_of(module.__name__)
