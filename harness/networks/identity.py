"""Which network a job is about, by content: what is hashed into the job's id. Imports no torch."""

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from harness.system.stored import Name, Part, Text

if TYPE_CHECKING:
    from harness.networks.weights import Weights
    from variants.catalog import Variant

DEFAULT_MEMORY_FORMAT: Final = "channels_last"
"""Of networks whose spec names none."""
BY_THIS_PROJECT: Final = "trained by this project"
"""How the origin of weights begins that this project trained, whatever they started from."""


class Architecture(Part):
    """What a network is built from, as the catalog resolves it for a scale.

    Attributes:
        network: of a network from outside, what its factory is called.
    """

    upsampler: Name | None = None
    upsampler_options: dict[str, Any] | None = None
    network: Name | None = None


class VariantIdentity(Part):
    """A variant's name and what it stood for when the job was planned.

    Attributes:
        plugins: of what did not ship with this project, the SHA-256 of the file that declares it.
    """

    name: Name
    label: Name | None = None
    paper_row: Name | None = None
    architecture: Architecture | None = None
    plugins: dict[str, Name] | None = None

    @property
    def has_network(self) -> bool:
        """False for plain interpolation, and for what is known by its images alone."""
        built = self.architecture
        return built is not None and (built.upsampler or built.network) is not None


class WeightsIdentity(Part):
    """Weights by the hash of their file.

    Attributes:
        label: what tables call them.
        sha256: None where there are none, or where figures do not depend on them.
        origin: for people.
    """

    label: Name
    sha256: Name | None = None
    origin: Text | None = None


class NetworkIdentity(Part):
    """A variant at a scale with weights, and the way in which it is computed."""

    variant: VariantIdentity
    scale: Annotated[int, Field(ge=1, le=1024)]
    weights: WeightsIdentity
    dtype: Name = "float32"
    backend: Name = "eager"
    memory_format: Name = DEFAULT_MEMORY_FORMAT

    @property
    def lacks_weights(self) -> bool:
        """Whether there is nothing to evaluate yet."""
        return self.variant.has_network and self.weights.sha256 is None


def network_identity(variant: "Variant", scale: int, weights: "Weights") -> dict[str, Any]:
    """What specs hold of a network: the one place that decides it."""
    plugins = variant.contents()
    return {
        "variant": {
            "name": variant.name,
            "label": variant.label,
            "paper_row": variant.paper_row,
            "architecture": variant.architecture(scale),
            **({"plugins": plugins} if plugins else {}),
        },
        "scale": scale,
        "weights": weights.identity(),
        **variant.layout(scale),
    }
