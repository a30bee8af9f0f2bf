"""Plug-ins: Python files of the user's, and installed packages, that register more of anything.

A plug-in is executed: it can do whatever its user can. Every process that executes jobs executes
it, too, and checks that it is the same content as where the jobs were planned.
"""

import hashlib
import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import HarnessError
from harness.system.files import read_regular
from variants.origin import CONTENT

GROUPS = ("harness.upsamplers", "harness.networks", "harness.metrics")
"""Entry points of installed packages: modules that register themselves when they are imported."""


class PluginError(HarnessError):
    """A plug-in cannot be used, or is not what the jobs were planned with."""


@dataclass(frozen=True)
class Plugin:
    """A file that was executed.

    Attributes:
        path: absolute.
        sha256: of the content that was executed.
    """

    path: str
    sha256: str


_LOADED: dict[str, Plugin] = {}

ALSO: dict[str, Any] = {}
"""What else jobs' inputs hold for other processes: see :mod:`harness.networks.brought`."""


def use_plugins(paths: Iterable[str | Path]) -> None:
    """Execute Python files once each, so that they register what they declare.

    Args:
        paths: of ``.py`` files, relative to the working folder.

    Raises:
        PluginError: a file cannot be read, fails, registers a name that is taken, or was changed
            since this process executed it.
    """
    load_installed()
    for path in paths:
        _use(os.path.abspath(path), None)  # noqa: PTH100  as typed, links unresolved


def execute_file(path: str | Path) -> ModuleType:
    """The module that a Python file is executed as, once, as a plug-in.

    Raises:
        PluginError: as :func:`use_plugins`.
    """
    use_plugins([path])
    return sys.modules[_module_name(os.path.abspath(path))]  # noqa: PTH100


def as_inputs() -> dict[str, Any]:
    """What a job's ``inputs`` hold, so that another process can :func:`use_inputs`."""
    plugins = [[plugin.path, plugin.sha256] for plugin in _LOADED.values()]
    return {**({"plugins": plugins} if plugins else {}), **ALSO}


def use_inputs(inputs: Mapping[str, Any]) -> None:
    """Execute in this process what a job was planned with.

    Raises:
        PluginError: as :func:`use_plugins`, and where a file's content is no longer the same.
    """
    load_installed()
    for path, sha256 in inputs.get("plugins", ()):
        _use(path, sha256)


@cache
def load_installed() -> None:
    """Import what installed packages offer in the groups of entry points.

    Raises:
        PluginError: one cannot be imported, or registers a name that is taken.
    """
    offered = entry_points()
    for group in GROUPS:
        for entry in sorted(offered.select(group=group), key=lambda entry: entry.name):
            package = f" of {entry.dist.name}" if entry.dist else ""
            what = f"plug-in {entry.name!r}{package} (entry point of {group})"
            try:
                entry.load()
            except (Exception, SystemExit) as error:
                raise PluginError(f"{what} fails: {_sentence(error)}") from error


def _use(path: str, planned: str | None) -> None:
    content = _read(path)
    sha256 = hashlib.sha256(content).hexdigest()
    loaded = _LOADED.get(path)
    if (planned or sha256) != sha256 or (loaded and loaded.sha256 != sha256):
        when = "the run was going on; run it again" if planned else "it was in use; start anew"
        raise PluginError(f"plug-in {path} was changed while {when}")
    if loaded is None:
        _execute(path, content, sha256)
        _LOADED[path] = Plugin(path, sha256)


def _read(path: str) -> bytes:
    if not path.endswith(".py"):
        raise PluginError(f"a plug-in is a Python file, FILE.py, not {path}")
    try:
        return read_regular(Path(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PluginError(f"cannot read plug-in {path}: {reason}") from error


def _execute(path: str, content: bytes, sha256: str) -> None:
    name = _module_name(path)
    module = ModuleType(name)
    module.__file__ = path
    setattr(module, CONTENT, sha256)
    sys.modules[name] = module  # Data classes and pickles look their module up.
    try:
        exec(compile(content, path, "exec"), module.__dict__)  # noqa: S102  what a plug-in is for
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == path]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        where = f"{path}, line {line}" if line else path
        raise PluginError(f"plug-in {where} fails: {_sentence(error)}") from error


def _module_name(path: str) -> str:
    return f"_plugin_{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _sentence(error: BaseException) -> str:
    """An error in words; its type where the words alone would say too little."""
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    words = " ".join(words.split())
    own = type(error).__module__.partition(".")[0] in ("harness", "variants")
    return words if own and words else f"{type(error).__name__}: {words}".removesuffix(": ")
