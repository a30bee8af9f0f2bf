"""A network from outside as the harness runs it: padded, cropped, checked, counted."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variants.backbones.base import SRModel
from variants.errors import VariantError, in_words
from variants.origin import takes_scale

if TYPE_CHECKING:
    from variants.outside import Colour, OutsideNetwork

CHANNELS: "dict[Colour, int]" = {"y": 1, "rgb": 3}
PROBED = (33, 41)
"""LR height and width that a network is tried on: multiples of nothing."""
_EVEN = (64, 64)
"""Pixels that most networks take whose sizes must be multiples."""


@dataclass(frozen=True)
class Facts:
    """What was found of a network when it was built and run on a small image.

    Attributes:
        colour: of what it takes and gives.
        multiple: what heights and widths are padded to.
        structure: SHA-256 over names, shapes and dtypes of its parameters and buffers.
        weights: SHA-256 over their values as well.
        channels_last: whether it runs with weights that are laid out channels last.
    """

    colour: "Colour"
    multiple: int
    structure: str
    weights: str
    channels_last: bool


class OutsideModel(SRModel):
    """A network of any kind: N x C x H x W in [0, 1] to N x C x sH x sW, of any H and W.

    Its input is padded at the bottom and right, by reflection where the image is large enough and
    by its last pixels elsewhere, and the output is cropped.

    Args:
        network: maps N x C x H x W to N x C x sH x sW where H and W fit.
        scale: s.
        channels: C: 1 for luma, 3 for RGB.
        multiple: H and W are padded to a multiple of this.
        minimum: and to at least this.
        square: and to the larger of both.
    """

    closed_form = False
    not_exportable = "it is a network from outside"

    def __init__(
        self,
        network: nn.Module,
        scale: int,
        channels: int,
        multiple: int = 1,
        *,
        minimum: int = 1,
        square: bool = False,
    ) -> None:
        super().__init__()
        self.network, self.scale, self.channels = network, scale, channels
        self.multiple, self.minimum, self.square = multiple, minimum, square
        self._macs: dict[tuple[int, int], int] = {}

    def forward(self, y: Tensor) -> Tensor:
        height, width = y.shape[-2:]
        output = finest(self.network(self.padded(y)))
        return output[..., : height * self.scale, : width * self.scale]

    def forward_levels(self, y: Tensor, scale: int | None = None) -> tuple[Tensor, ...]:
        if scale not in (None, self.scale):
            raise VariantError(f"this network is for {self.scale}x, not {scale}x")
        return (self(y),)

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates as torch's counter finds them: there is no closed form.

        It counts convolutions, matrix products and attention; of other operators it knows nothing.
        """
        from torch.utils.flop_counter import FlopCounterMode

        size = height, width
        if size not in self._macs:

            def count(model: nn.Module, source: Tensor) -> int:
                counter = FlopCounterMode(display=False)
                with counter, torch.no_grad():
                    model(source)
                return int(counter.get_total_flops()) // 2

            self._macs[size] = without_computing(self, size, count)
        return self._macs[size]

    def padded(self, x: Tensor) -> Tensor:
        """The image as the network itself gets it."""
        sizes = [max(self.multiple * -(-n // self.multiple), self._least()) for n in x.shape[-2:]]
        if self.square:
            sizes = [max(sizes)] * 2
        below, right = (size - n for size, n in zip(sizes, x.shape[-2:], strict=True))
        if not below and not right:
            return x
        reflects = below < x.shape[-2] and right < x.shape[-1]
        return F.pad(x, (0, right, 0, below), mode="reflect" if reflects else "replicate")

    def _least(self) -> int:
        return self.multiple * -(-self.minimum // self.multiple)


def finest(output: object) -> Tensor:
    """A network's output, or its finest level, which comes last; VariantError if it is none."""
    if isinstance(output, list | tuple) and output:
        output = output[-1]
    if not isinstance(output, Tensor) or output.dim() != 4:
        what = type(output).__name__
        if isinstance(output, Tensor):
            what = f"tensor of shape {' x '.join(map(str, output.shape)) or 'one number'}"
        raise VariantError(f"the network gave a {what} where an image, N x C x H x W, is expected")
    return output


def without_computing(
    model: SRModel, size: tuple[int, int], call: Callable[[nn.Module, Tensor], Any]
) -> Any:
    """Call something with a copy of a model and an LR image on the meta device, where shapes flow
    and nothing is computed; with the model itself on the CPU where its code cannot run so.

    Args:
        model: its input has ``channels``.
        size: height and width of the image.
        call: the function; what it gives is given back.
    """
    try:
        meta = copy.deepcopy(model).to("meta").eval()
        return call(meta, torch.empty(1, model.channels, *size, device="meta"))
    except Exception:
        if model.closed_form:
            raise
    real = copy.deepcopy(model).cpu().eval()
    return call(real, torch.zeros(1, model.channels, *size))


def make(variant: "OutsideNetwork", scale: int | None) -> nn.Module:
    """Call a network's factory, with torch's generator at a fixed seed.

    Raises:
        VariantError: it fails, or makes no module.
    """
    torch.manual_seed(0)
    wants = takes_scale(variant.factory)
    try:
        module = variant.factory(scale) if wants else variant.factory()
    except Exception as error:
        at = f" for {scale}x" if wants else ""
        raise VariantError(
            f"network {variant.name} cannot be built{at}: {in_words(error)}"
        ) from error
    if not isinstance(module, nn.Module):
        raise VariantError(
            f"network {variant.name}: the factory gave a value of type {type(module).__name__}, "
            "where a torch.nn.Module is expected"
        )
    return module.float().cpu()


def built(variant: "OutsideNetwork", scale: int) -> OutsideModel:
    """See :meth:`variants.outside.OutsideNetwork.build`."""
    return adapted(variant, make(variant, scale), scale, variant.facts(scale).colour)


def probe(variant: "OutsideNetwork", scale: int) -> Facts:
    """Run a network on a small image, to find what was not declared and to check what was.

    Raises:
        VariantError: it fails, or its output is not ``scale`` times its input in size and of as
            many channels.
    """
    module = make(variant, scale)
    # Before it runs: some networks merge weights when they do.
    structure, weights = digest_of(module)
    failures: list[str] = []
    for colour, channels_last in product(_colours(variant, module), (True, False)):
        layout = torch.channels_last if channels_last else torch.contiguous_format
        module.to(memory_format=layout)  # type: ignore[call-overload]
        model = adapted(variant, module, scale, colour)
        failure = _failure(model, PROBED)
        if failure is None:
            return Facts(colour, model.multiple, structure, weights, channels_last)
        failures.append(f"given {_named(colour)}, {failure}")
        if model.multiple == 1 and _failure(model, _EVEN) is None:
            raise VariantError(
                f"network {variant.name}: {failure}, and yet it takes {_EVEN[1]}x{_EVEN[0]}: "
                "declare what heights and widths must be multiples of, such as `multiple = 8` in "
                "its class"
            )
    raise VariantError(f"network {variant.name} at {scale}x: {'; '.join(dict.fromkeys(failures))}")


def find_scale(variant: "OutsideNetwork") -> int:
    """The scale of a network, by running it on a small image.

    Raises:
        VariantError: it fails, or its output is no whole number of times its input in size.
    """
    module = make(variant, None)
    failures: list[str] = []
    for colour in _colours(variant, module):
        model = adapted(variant, module, 2, colour)
        source = model.padded(_image(model, _EVEN))
        try:
            with torch.inference_mode():
                output = finest(model.network(source))
        except Exception as error:
            failures.append(f"given {_named(colour)}, it fails ({in_words(error)})")
            continue
        scale, rest = divmod(output.shape[-1], source.shape[-1])
        if scale > 1 and not rest:
            return scale
        failures.append(
            f"of {source.shape[-1]} pixels in a row it makes {output.shape[-1]}, which is no whole "
            "multiple"
        )
    raise VariantError(f"network {variant.name}: {'; '.join(dict.fromkeys(failures))}")


def adapted(
    variant: "OutsideNetwork", module: nn.Module, scale: int, colour: "Colour"
) -> OutsideModel:
    """A variant's network, padded and cropped as the variant says; in evaluation mode."""
    model = OutsideModel(
        module,
        scale,
        CHANNELS[colour],
        variant.declared(module)[1],
        minimum=variant.minimum,
        square=variant.square,
    )
    return model.eval()


def _colours(variant: "OutsideNetwork", module: nn.Module) -> "tuple[Colour, ...]":
    declared, _ = variant.declared(module)
    return ("y", "rgb") if declared is None else (declared,)


def _image(model: OutsideModel, size: tuple[int, int]) -> Tensor:
    shape = (1, model.channels, *size)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def _named(colour: "Colour") -> str:
    return "luma" if colour == "y" else "RGB"


def _failure(model: OutsideModel, size: tuple[int, int]) -> str | None:
    """What goes wrong with an image of a size, in words; None if nothing does."""
    source = model.padded(_image(model, size))
    of = f"{source.shape[-1]}x{source.shape[-2]} pixels"
    try:
        with torch.inference_mode():
            output = finest(model.network(source.contiguous(memory_format=torch.channels_last)))
    except Exception as error:
        return f"it fails for {of} ({in_words(error)})"
    height, width = (n * model.scale for n in source.shape[-2:])
    expected = (1, model.channels, height, width)
    if output.shape != expected:
        shapes = [" x ".join(map(str, shape)) for shape in (output.shape, expected)]
        return f"of {of} it makes {shapes[0]}, where {shapes[1]} is due"
    if not output.is_floating_point():
        return f"its output is {output.dtype}, where numbers in [0, 1] are due"
    return None


def digest_of(module: nn.Module) -> tuple[str, str]:
    """SHA-256 over the structure of a module's state, and over structure and values."""
    structure, values = hashlib.sha256(), hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if not hasattr(tensor, "shape"):
            continue
        told = f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode()
        structure.update(told)
        values.update(told)
        values.update(tensor.detach().cpu().contiguous().flatten().numpy().tobytes())
    return structure.hexdigest(), values.hexdigest()
