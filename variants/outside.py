"""Networks from outside: any super-resolution network as a variant, without an upsampler of ours.

A factory makes it; what it takes and gives is declared, or found by running it once on a small
image. Imports torch only when a network is built.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, get_args

from variants.catalog import Variant, check_name, register_variant
from variants.errors import VariantError
from variants.origin import content_of, takes_scale

if TYPE_CHECKING:
    from torch import nn

    from variants.adapter import Facts, OutsideModel

Colour = Literal["y", "rgb"]
Factory = Callable[..., "nn.Module"]

LARGEST_SCALE = 64


@dataclass(frozen=True, kw_only=True)
class OutsideNetwork(Variant):
    """A super-resolution network of any kind, with its weights.

    Attributes:
        factory: ``factory(scale)``, or without an argument, to a module: N x C x H x W in [0, 1]
            to N x C x sH x sW, or to a list or tuple of such levels, the finest one last.
        colour: ``"y"`` for luma (BT.601, studio range), ``"rgb"``; None for the factory's or the
            module's attribute ``colour``, or else whichever of them the module takes.
        scales: that it upscales by; None for the attribute ``scales`` of the factory, or else what
            a module is that takes no scale, or any.
        multiple: heights and widths are padded to a multiple of it, and the output is cropped;
            None for the attribute ``multiple``, or else 1.
        minimum: heights and widths are padded to at least this.
        square: whether images are padded to squares.
        content: SHA-256 of the file that declares it; None where there is none.
    """

    factory: Factory
    colour: Colour | None = None
    scales: tuple[int, ...] | None = None
    multiple: int | None = None
    minimum: int = 1
    square: bool = False
    content: str | None = None
    _found: "dict[int, Facts]" = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuses what cannot be; the backbone and upsampler of other variants are not asked for.

        Raises:
            VariantError: an attribute has an impossible value.
        """
        self._check_colour(self.colour)
        self._check_multiple(self.multiple)
        for scale in self.scales or ():
            if not isinstance(scale, int) or isinstance(scale, bool) or not self._possible(scale):
                raise VariantError(
                    f"network {self.name}: a scale is a whole number from 2 to {LARGEST_SCALE}, "
                    f"not {scale!r}"
                )

    @property
    def has_network(self) -> bool:
        return True

    @property
    def brings_weights(self) -> bool:
        return True

    def serves(self, scale: int) -> bool:
        """Whether it upscales by a factor; what neither takes nor tells one is built, to see."""
        if self.scales is not None:
            return scale in self.scales
        return self._possible(scale) if takes_scale(self.factory) else scale == self.own_scale

    @cached_property
    def own_scale(self) -> int:
        """The scale of a network whose factory takes none.

        Raises:
            VariantError: as :meth:`facts`.
        """
        scale: int = _adapter().find_scale(self)
        return scale

    def scales_in_words(self) -> str:
        if self.scales is None and takes_scale(self.factory):
            return "any scale"
        return " and ".join(f"{scale}x" for scale in self.scales or (self.own_scale,))

    def contents(self) -> dict[str, str]:
        return {} if self.content is None else {"network": self.content}

    def architecture(self, scale: int) -> dict[str, Any]:
        """What determines the computed function, weights aside; builds the network once.

        Raises:
            VariantError: as :meth:`facts`.
        """
        facts = self.facts(scale)
        return {
            "network": getattr(self.factory, "__name__", type(self.factory).__name__),
            "colour": facts.colour,
            "multiple": facts.multiple,
            "structure": facts.structure,
            **({"minimum": self.minimum} if self.minimum > 1 else {}),
            **({"square": True} if self.square else {}),
        }

    def layout(self, scale: int) -> dict[str, str]:
        return {} if self.facts(scale).channels_last else {"memory_format": "contiguous"}

    def facts(self, scale: int) -> "Facts":
        """What the network is at a scale, by building it and running it on a small image, once.

        Raises:
            VariantError: the factory fails, or what it makes is no network of this scale.
        """
        if scale not in self._found:
            self._found[scale] = _adapter().probe(self, scale)
        return self._found[scale]

    def build(self, scale: int) -> "OutsideModel":
        """The network in evaluation mode.

        Raises:
            VariantError: as :meth:`facts`.
        """
        model: OutsideModel = _adapter().built(self, scale)
        return model

    def declared(self, module: "nn.Module") -> tuple[Colour | None, int]:
        """Colour, None where it is not declared, and multiple: as given, or as attributes say.

        Raises:
            VariantError: an attribute has an impossible value.
        """
        colour = self.colour or self._attribute("colour", module)
        multiple = self.multiple or self._attribute("multiple", module) or 1
        self._check_colour(colour)
        self._check_multiple(multiple)
        return colour, multiple

    def _attribute(self, name: str, module: "nn.Module") -> Any:
        return getattr(self.factory, name, None) or getattr(module, name, None)

    def _possible(self, scale: int) -> bool:
        return 1 < scale <= LARGEST_SCALE

    def _check_colour(self, colour: object) -> None:
        if colour is not None and colour not in get_args(Colour):
            raise VariantError(f"network {self.name}: colour is y or rgb, not {colour!r:.100}")

    def _check_multiple(self, multiple: object) -> None:
        whole = isinstance(multiple, int) and not isinstance(multiple, bool)
        if multiple is not None and not (whole and 1 <= int(str(multiple)) <= 4096):
            raise VariantError(
                f"network {self.name}: multiple is a whole number of pixels from 1, not "
                f"{multiple!r:.100}"
            )


def register_network(
    name: str,
    factory: Factory,
    *,
    colour: Colour | None = None,
    scales: Iterable[int] | None = None,
    multiple: int | None = None,
    minimum: int = 1,
    square: bool = False,
    label: str | None = None,
    content: str | None = None,
) -> OutsideNetwork:
    """Add any super-resolution network to the variants in use, in this process.

    Args:
        name: what users type.
        factory: see :class:`OutsideNetwork`.
        colour: ``"y"``, ``"rgb"`` or None.
        scales: that it upscales by, or None.
        multiple: of pixels, or None.
        minimum: pixels.
        square: whether images are padded to squares.
        label: what reports print; None for the name.
        content: SHA-256 of the file that it is from; None for the module's of the factory.

    Raises:
        VariantError: the name is taken or cannot be one, or an option has an impossible value.
    """
    if not callable(factory):
        raise VariantError(
            f"network {name}: a factory is called and gives a torch.nn.Module, and "
            f"{factory!r:.100} cannot be called"
        )
    check_name(name, "a network from outside")
    declared = getattr(factory, "scales", None) if scales is None else scales
    if declared is not None and not isinstance(declared, Iterable):
        declared = (declared,)
    network = OutsideNetwork(
        name=name,
        label=label or name,
        backbone="",
        source="from outside this project",
        factory=factory,
        colour=colour,
        scales=None if declared is None else tuple(declared),
        multiple=multiple,
        minimum=minimum,
        square=square,
        content=content or content_of(getattr(factory, "__module__", "") or ""),
    )
    register_variant(network)
    return network


def _adapter() -> ModuleType:
    """What imports torch, which those who read names and labels do without."""
    return import_module("variants.adapter")
