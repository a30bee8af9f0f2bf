"""The registry of upsamplers: a decorator to join it, a lookup to use it.

Every module in ``variants/upsamplers/`` is imported on the first lookup, so a new upsampler is
one new file there. Registration is atomic: a name is either entirely in, or not at all.
"""

import inspect
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TypeVar

from variants.errors import UnknownNameError, VariantError
from variants.upsamplers.base import Upsampler

U = TypeVar("U", bound=type[Upsampler])

_UPSAMPLERS: dict[str, type[Upsampler]] = {}


def register_upsampler(name: str) -> Callable[[U], U]:
    """Class decorator: register an :class:`Upsampler` subclass under ``name``.

    Raises:
        VariantError: the name is taken, or the class is no documented, concrete ``Upsampler``.
    """

    def register(cls: U) -> U:
        if name in _UPSAMPLERS:
            raise VariantError(f"upsampler {name!r} is already registered by {_UPSAMPLERS[name]!r}")
        if not issubclass(cls, Upsampler) or inspect.isabstract(cls):
            raise VariantError(f"upsampler {name!r}: {cls!r} is no concrete Upsampler subclass")
        if not cls.__dict__.get("__doc__"):
            raise VariantError(f"upsampler {name!r}: {cls!r} needs a docstring (shapes and source)")
        _UPSAMPLERS[name] = cls
        return cls

    return register


@cache
def _discover() -> None:
    package = import_module("variants.upsamplers")
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"variants.upsamplers.{module.name}")


def list_upsamplers() -> list[str]:
    """Names of all registered upsamplers, sorted."""
    _discover()
    return sorted(_UPSAMPLERS)


def get_upsampler(name: str) -> type[Upsampler]:
    """The class registered under ``name``; :class:`UnknownNameError` if there is none."""
    _discover()
    if name not in _UPSAMPLERS:
        raise UnknownNameError("upsampler", name, _UPSAMPLERS)
    return _UPSAMPLERS[name]
