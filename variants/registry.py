"""The registries of backbones and upsamplers: a decorator to register, a lookup to use it.

Every module in ``variants/backbones/`` and ``variants/upsamplers/`` is imported on the first
lookup, so a new one is one new file there. Registration is atomic: a name is either entirely in,
or not at all.
"""

import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar

from variants.errors import UnknownNameError, VariantError
from variants.origin import content_of

if TYPE_CHECKING:
    from variants.backbones.base import SRModel
    from variants.upsamplers.base import Upsampler

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Registry(Generic[T]):
    """Classes of one kind by name.

    Args:
        kind: for messages, such as ``upsampler``.
        base: ``module:class`` of what every registered class derives from.
        package: its modules register themselves when they are imported.
    """

    def __init__(self, kind: str, base: str, package: str) -> None:
        self._kind, self._base, self._package = kind, base, package
        self._classes: dict[str, type[T]] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[C], C]:
        """Register a class under a name.

        Raises:
            VariantError: the name is taken, or the class is not documented or not concrete.
        """

        def add(cls: C) -> C:
            module, _, base = self._base.partition(":")
            if name in self.shipped() and content_of(cls.__module__) is not None:
                self._all()
            if name in self._classes:
                taken = f"{self._kind} {name!r} is already registered by {self._classes[name]!r}"
                raise VariantError(taken)
            if not issubclass(cls, getattr(import_module(module), base)) or inspect.isabstract(cls):
                raise VariantError(f"{self._kind} {name!r}: {cls!r} is no concrete {base} subclass")
            if not cls.__dict__.get("__doc__"):
                raise VariantError(
                    f"{self._kind} {name!r}: {cls!r} needs a docstring (shapes and source)"
                )
            self._classes[name] = cls
            return cls

        return add

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._all())

    def get(self, name: str) -> type[T]:
        """The class of a name; :class:`UnknownNameError` if there is none."""
        classes = self._all()
        if name not in classes:
            raise UnknownNameError(self._kind, name, classes)
        return classes[name]

    def content(self, name: str) -> str | None:
        """SHA-256 of the file that registered a name; None for what ships with this project.

        Imports nothing for names that ship.
        """
        registered = self._classes.get(name)
        return None if registered is None else content_of(registered.__module__)

    def known(self) -> list[str]:
        """Names of what ships, and of what was registered so far; imports nothing."""
        return sorted({*self.shipped(), *self._classes})

    def shipped(self) -> list[str]:
        """Names of what ships, by the modules that are there: each is called as what it holds."""
        modules = pkgutil.iter_modules(import_module(self._package).__path__)
        return [module.name.replace("_", "-") for module in modules if module.name != "base"]

    def _all(self) -> dict[str, type[T]]:
        if not self._complete:
            for module in pkgutil.iter_modules(import_module(self._package).__path__):
                import_module(f"{self._package}.{module.name}")
            self._complete = True
        return self._classes


UPSAMPLERS: "Registry[Upsampler]" = Registry(
    "upsampler", "variants.upsamplers.base:Upsampler", "variants.upsamplers"
)
BACKBONES: "Registry[SRModel]" = Registry(
    "backbone", "variants.backbones.base:SRModel", "variants.backbones"
)

register_upsampler, get_upsampler, list_upsamplers = (
    UPSAMPLERS.register,
    UPSAMPLERS.get,
    UPSAMPLERS.names,
)
register_backbone, get_backbone = BACKBONES.register, BACKBONES.get

_GIVEN = ("scale", "make_upsampler", "channels", "n_convs", "crop", "levels")
"""What networks and upsamplers are built with, whatever their options."""


def options_of(cls: type) -> list[str]:
    """The options of a backbone or an upsampler: the other arguments that it is built with."""
    return [name for name in inspect.signature(cls).parameters if name not in _GIVEN]
