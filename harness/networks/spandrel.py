"""Files of weights whose architecture spandrel recognises, an extra."""

from dataclasses import dataclass
from importlib import import_module
from inspect import unwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ConfigError, HarnessError
from harness.system.files import sha256_of
from variants.errors import in_words

if TYPE_CHECKING:
    from torch import nn

_COLOURS = {1: "y", 3: "rgb"}


@dataclass(frozen=True)
class Recognised:
    """A file that spandrel has read.

    Attributes:
        path: the file.
        sha256: of its bytes.
        options: of :func:`variants.outside.register_network`.
        __name__: what spandrel calls the architecture.
    """

    path: Path
    sha256: str
    options: dict[str, Any]
    __name__: str

    def __call__(self) -> "nn.Module":
        """The network with its weights, read anew.

        Raises:
            HarnessError: the file changed, or can no longer be read.
        """
        if sha256_of(self.path) != self.sha256:
            raise HarnessError(f"{self.path} changed while the run was going on; run it again")
        from torch import Tensor, nn

        class Called(nn.Module):
            """A network, called as spandrel calls it: not every one is called as it is."""

            def __init__(self, found: Any) -> None:
                super().__init__()
                self.model = found.model
                self.found = found  # A copy of this module has a copy of both, still of one model.
                # Not in inference mode, in which counters and tracers see less.
                self.call = unwrap(type(found).__call__)

            def forward(self, image: Tensor) -> Tensor:
                output: Tensor = self.call(self.found, image)
                return output

        return Called(_descriptor(self.path))


def recognise(path: Path) -> Recognised:
    """Read a file of weights as a network from outside.

    Raises:
        ConfigError: spandrel is not installed, the file cannot be read, its architecture is not
            recognised, or it is no super-resolution network of one or three channels.
    """
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    found = _descriptor(path)
    n_in, n_out = found.input_channels, found.output_channels
    if n_in != n_out or n_in not in _COLOURS or found.scale < 2:
        raise ConfigError(
            f"{path} holds {found.architecture.name} for {found.scale}x, {n_in} channels to "
            f"{n_out}: only networks that upscale luma to luma or RGB to RGB can be measured"
        )
    sizes = found.size_requirements
    options = {
        "colour": _COLOURS[n_in],
        "scales": (int(found.scale),),
        "multiple": int(sizes.multiple_of),
        "minimum": max(1, int(sizes.minimum)),
        "square": bool(sizes.square),
    }
    return Recognised(path, sha256, options, str(found.architecture.name))


def _descriptor(path: Path) -> Any:
    """What spandrel tells of a file: its ``ImageModelDescriptor``."""
    try:
        spandrel = import_module("spandrel")
    except Exception as error:  # A torchvision that does not fit torch raises a RuntimeError.
        raise ConfigError(
            f"the architecture of {path} is found by spandrel, which cannot be imported "
            f"({in_words(error)}); it needs torchvision in the version that fits your torch: pip "
            "install 'cms-lapsrn-harness[spandrel]'"
        ) from error
    try:
        found = spandrel.ModelLoader(device="cpu").load_from_file(path)
    except Exception as error:
        raise ConfigError(f"spandrel cannot read {path} ({in_words(error)})") from error
    if not isinstance(found, spandrel.ImageModelDescriptor):
        raise ConfigError(
            f"{path} holds {found.architecture.name}, which takes more than one image: it cannot "
            "be measured"
        )
    return found
