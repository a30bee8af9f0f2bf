"""Where jobs run: in this process, in others on this machine, on a cluster.

An executor is one module here that declares itself as ``EXECUTOR``; modules are discovered
automatically, and import what they need of other packages only when they are opened.
"""

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from harness.errors import ConfigError
from variants.errors import UnknownNameError

if TYPE_CHECKING:
    from harness.jobs.executor import ExecutorModule


def list_executors() -> list[str]:
    """The names of all executors, whether or not their packages are installed."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in names if not name.startswith("_"))


def get_executor(text: str) -> "tuple[ExecutorModule, str]":
    """An executor by ``NAME`` or ``NAME:ADDRESS``, and the address.

    Raises:
        UnknownNameError: there is none of that name.
        ConfigError: it takes no address, or its package is not installed.
    """
    name, colon, address = text.partition(":")
    if name not in (known := list_executors()):
        raise UnknownNameError("executor", name, known)
    found: ExecutorModule = import_module(f"{__name__}.{name}").EXECUTOR
    if colon and not (address and found.address):
        usual = f"{name} or {name}:{found.address}" if found.address else name
        raise ConfigError(f"--executor {text}: it is {usual}")
    if found.package and find_spec(found.package) is None:
        raise ConfigError(
            f"--executor {name} needs the package {found.package}: "
            f"pip install 'cms-lapsrn-harness[{name}]'"
        )
    return found, address
