"""Ways to execute a network, each a backend and a dtype: which there are here, and their times.

Reading what was measured imports neither torch nor SciPy.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from harness.backends import DEFAULT_BACKEND, get_backend, list_backends
from harness.measure import BUSY_PERCENT
from harness.system.environment import package_version
from harness.system.stored import Amount, Count, Figure, Name, Part, Pixels, Text

if TYPE_CHECKING:
    from variants.catalog import Variant

LARGEST_LOSS_DB: Final = 0.001
MARGIN: Final = 0.01
"""Speeds within 1 % of each other are the same."""
ROUNDS: Final = 12
WINS: Final = 10
"""Rounds that a way has to win. Of two that are equally fast one does by chance once in 52 times
(the sign test), and a pause of the machine in one round or two decides nothing."""
ATTEMPTS: Final = 3
"""Measurements, each of which took the place of one that other programs disturbed."""
SMALL, LARGE = 192, 384
"""HR pixels on a side of the image that times are taken on, for small images and for others."""
_VERSION: Final = 3


Work = Callable[[str, str], float]
"""Of a backend and a dtype."""


class Conditions(Part):
    """All that a measurement depends on.

    Attributes:
        version: of how it is measured.
        device: ``"cpu"`` or ``"cuda"``.
        device_name: its model.
        flags: what the processor can do.
        threads: that compute.
        packages: versions of torch and of the runtimes.
        ways: that took part, or would have if they had been able to: backend and dtype.
        architecture: of the network, as the catalog resolves it.
        scale: of the network.
        dtype: of the feature branch, of that which others are compared with.
        hr_side: HR pixels on a side of the image.
        other_threads: that were to be tried with the way that was chosen.
    """

    version: Count
    device: Name
    device_name: Name
    flags: list[Name]
    threads: Count
    packages: dict[Name, Name]
    ways: list[Name]
    architecture: dict[str, Any]
    scale: Pixels
    dtype: Name
    hr_side: Pixels
    other_threads: list[Count] = Field(default_factory=list)


class Way(Part):
    """What was measured of a backend in a dtype.

    Attributes:
        samples_ms: one per round; fewer of one that left early.
        loss_db: PSNR that the reference has more, the mean over images; None of one that left
            early.
    """

    samples_ms: list[Amount]
    loss_db: Figure | None = None


class Measurement(Part):
    """What was found.

    Attributes:
        variant: the network's name, for people.
        measured: when, ISO 8601.
        ways: by backend and dtype, with a space between.
        left_out: why some could not take part.
        threads_ms: samples of the way that was chosen, by number of threads; empty where there was
            no other number to try.
        busy_percent: of the processors, used by other programs meanwhile; None where the system
            does not tell.
        attempt: 1, or one more than that of a disturbed one that it takes the place of.
    """

    conditions: Conditions
    variant: Name
    measured: Name
    ways: dict[Name, Way]
    left_out: dict[Name, Text]
    threads_ms: dict[Name, list[Amount]] = Field(default_factory=dict)
    busy_percent: Amount | None = None
    attempt: Count = 1

    @property
    def reference(self) -> str:
        """The way that others are compared with: eager, in the dtype that was asked for."""
        return name_of_way(DEFAULT_BACKEND, self.conditions.dtype)

    @property
    def disturbed(self) -> bool:
        """Whether other programs may have decided it."""
        return (self.busy_percent or 0.0) > BUSY_PERCENT

    def fastest(self, work: Work = lambda *_: 1.0) -> tuple[str, str]:
        """The backend and the dtype to use.

        Args:
            work: how much each has to compute of one picture, of which its time is for 1.
        """
        own = [work(*_split(self.reference)) * ms for ms in self.ways[self.reference].samples_ms]
        shown = {}
        for name, way in self.ways.items():
            samples = [work(*_split(name)) * ms for ms in way.samples_ms]
            exact = way.loss_db is not None and way.loss_db <= LARGEST_LOSS_DB
            if exact and _faster(samples, own, MARGIN):
                shown[name] = median(samples)
        return _split(min(shown, key=lambda name: shown[name], default=self.reference))

    def fastest_threads(self) -> int:
        """How many threads to compute with."""
        usual = self.conditions.threads
        own = self.threads_ms.get(str(usual), [])
        shown = {
            int(number): median(samples)
            for number, samples in self.threads_ms.items()
            if _faster(samples, own, MARGIN)
        }
        return min(shown, key=lambda number: shown[number], default=usual)

    def speedup(self, backend: str, dtype: str) -> float:
        """The reference's median time over that of a way, of the rounds that both took."""
        own = self.ways[self.reference].samples_ms
        other = self.ways[name_of_way(backend, dtype)].samples_ms
        return median(own[: len(other)]) / median(other)


def _faster(samples: Sequence[float], than: Sequence[float], by: float) -> bool:
    """Whether times of all rounds are below others by more than a part, in ``WINS`` of them."""
    if not len(samples) == len(than) == ROUNDS:
        return False
    won = sum(other > (1 + by) * mine for mine, other in zip(samples, than, strict=True))
    return won >= WINS


def name_of_way(backend: str, dtype: str) -> str:
    """What a way is recorded as."""
    return f"{backend} {dtype}"


def _split(way: str) -> tuple[str, str]:
    backend, _, dtype = way.partition(" ")
    return backend, dtype


@dataclass(frozen=True)
class Wanted:
    """Which network is to run, and how.

    Attributes:
        variant: of the catalogs.
        scale: of the network.
        dtype: as it is recorded.
        device: ``"cpu"`` or ``"cuda"``.
        device_name: its model.
        threads: to compute with.
        weights: a file; True for those that ship, False for random ones.
        hr_pixels: of an image that it is for; above 2 * ``SMALL`` ** 2 all are alike.
        rewritten: whether backends may take part that make another network of it.
        also: other dtypes that may be chosen.
        other_threads: other numbers of threads that may be chosen.
    """

    variant: "Variant"
    scale: int
    dtype: str
    device: str
    device_name: str
    threads: int
    weights: Path | bool = False
    hr_pixels: int = LARGE**2
    rewritten: bool = False
    also: tuple[str, ...] = ()
    other_threads: tuple[int, ...] = ()

    def candidates(self) -> list[tuple[str, str]]:
        """Backends and dtypes that can be had at once: eager in ``dtype`` first, if it has it."""
        reference = (DEFAULT_BACKEND, self.dtype)
        if not self.variant.has_network or self.variant.brings_weights:
            return [reference]
        found = [
            (name, dtype)
            for name in list_backends()
            for backend in (get_backend(name),)
            for dtype in dict.fromkeys((self.dtype, *self.also))
            if not backend.slow_start
            and (self.rewritten or backend.rewrite is None)
            and backend.computes_in(dtype)
            and self.device in backend.devices
            and find_spec(backend.package) is not None
        ]
        return sorted(found, key=lambda way: way != reference)

    def conditions(self) -> Conditions:
        """All that a measurement of it depends on."""
        from variants import processor

        ways = self.candidates()
        packages = {"torch", *(get_backend(backend).package for backend, _ in ways)}
        return Conditions(
            version=_VERSION,
            device=self.device,
            device_name=self.device_name,
            flags=processor.flags() if self.device == "cpu" else [],
            threads=self.threads,
            packages={name: package_version(name) for name in sorted(packages)},
            ways=[name_of_way(*way) for way in ways],
            architecture=json.loads(json.dumps(self.variant.architecture(self.scale))),
            scale=self.scale,
            dtype=self.dtype,
            hr_side=SMALL if self.hr_pixels <= 2 * SMALL**2 else LARGE,
            other_threads=sorted(self.other_threads),
        )
