"""How much of a picture is computed at once, and what its margins cost, by way of computing it."""

from dataclasses import dataclass
from functools import cached_property

from harness.backends import get_backend
from harness.upscale.shrinking import levels_needed
from harness.upscale.tiles import largest_tile, receptive_radius
from variants.backbones.base import Pyramid, SRModel


@dataclass(frozen=True)
class Reach:
    """How far a network looks.

    Attributes:
        model: the network.
        radius: LR pixels around a pixel that its output depends on; None for the whole image.
    """

    model: SRModel
    radius: int | None

    @cached_property
    def needed(self) -> tuple[int, ...]:
        """Of a pyramid, after each level, how many of its pixels around a pixel later levels read.

        Empty of another network, or of one that needs the whole image.
        """
        if self.radius is None or not isinstance(self.model, Pyramid):
            return ()
        return tuple(levels_needed(self.model))


def reach_of(model: SRModel) -> Reach:
    """How far a network looks, found by experiment; see :mod:`harness.upscale.tiles`."""
    return Reach(model, receptive_radius(model))


@dataclass(frozen=True)
class Windows:
    """How a picture is cut for a network and a way to execute it.

    Attributes:
        reach: of the network.
        shrinks: whether each level drops what no later one reads.
        largest_hr: HR pixels of a window.
        hr_margin: of these, on each side, those that are computed up to the last level and dropped.
    """

    reach: Reach
    shrinks: bool
    largest_hr: int
    hr_margin: int

    def work(self) -> float:
        """Multiplications for a tile inside a picture over those without margins; 1 if unknown."""
        model, radius = self.reach.model, self.reach.radius
        if radius is None or not isinstance(model, Pyramid):
            return 1.0
        tile, margin = largest_tile(self.largest_hr, self.hr_margin, model.scale), radius
        done = alone = 0
        for level, needed in enumerate(self.reach.needed):
            side = tile << level
            done += model.level_macs(level, side + 2 * margin, side + 2 * margin)
            alone += model.level_macs(level, side, side)
            margin = min(2 * margin, needed) if self.shrinks else 2 * margin
        return done / alone


def windows_of(reach: Reach, backend: str, dtype: str) -> Windows:
    """How pictures are cut.

    Args:
        reach: of the network.
        backend: of :func:`harness.backends.list_backends`.
        dtype: of the feature branch, such as ``"float32"``.
    """
    chosen = get_backend(backend)
    # At 64 channels a network's widest moment takes up to about 900 bytes per HR pixel in float32
    # and 500 in bfloat16: under a gigabyte.
    usual = 1_000_000 if dtype == "float32" else 1_600_000
    if reach.model.scale == 8:
        usual = round(0.8 * usual)  # Three levels' maps leave more gaps between them.
    hr_margin = reach.model.scale * (reach.radius or 0)
    # A compiled network has fixed control flow; margins change it.
    shrinks = not chosen.compiles and bool(reach.needed)
    if shrinks:
        assert reach.radius is not None
        hr_margin = 2 * [reach.radius, *reach.needed][-2]
    return Windows(reach, shrinks, round(usual / chosen.memory), hr_margin)
