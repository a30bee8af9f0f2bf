"""``--backend auto``: the fastest way to execute a network here, measured once and kept.

Every backend that is installed and quick to start takes turns with eager on one small image, in one
dtype or in several. One is chosen if it was faster in every round and loses at most
``LARGEST_LOSS_DB`` against eager in the first dtype; else it is that. The measurement is kept in
the user's cache by all that it depends on, so whatever changes there makes another. Reading what is
kept imports neither torch nor SciPy.
"""

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, ValidationError

from harness.backends import DEFAULT_BACKEND, get_backend, list_backends, prepare
from harness.errors import HarnessError
from harness.system.cache import cache_folder
from harness.system.environment import default_threads, package_version, usable_cpus
from harness.system.files import make_folder, read_json, write_json
from harness.system.stored import Amount, Count, Figure, Name, Part, Pixels, Text
from harness.system.text import say

if TYPE_CHECKING:
    from torch import Tensor

    from variants.backbones.base import SRModel
    from variants.catalog import Variant

LARGEST_LOSS_DB: Final = 0.001
MARGIN: Final = 0.01
"""Speeds within 1 % of each other are the same."""
ROUNDS: Final = 6
"""All have to agree: of two that are equally fast one is so by chance once in 64 times."""
FIRST_LOOK: Final = 2
"""Rounds after which those leave that were slower than eager in each."""
SMALL, LARGE = 192, 384
"""HR pixels on a side of the image that times are taken on, for small images and for others."""
_IMAGES: Final = 3
"""Calibration images that the loss is measured on."""
_VERSION: Final = 2


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
    """

    conditions: Conditions
    variant: Name
    measured: Name
    ways: dict[Name, Way]
    left_out: dict[Name, Text]
    threads_ms: dict[Name, list[Amount]] = Field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The way that others are compared with: eager, in the dtype that was asked for."""
        return _named(DEFAULT_BACKEND, self.conditions.dtype)

    def fastest(self, gain: float = MARGIN) -> tuple[str, str]:
        """The backend and the dtype to use.

        Args:
            gain: by how much a backend that compiles has to be faster than eager: 0.01 for 1 %.
        """
        own = self.ways[self.reference].samples_ms
        plain = {name for name in list_backends() if not get_backend(name).compiles}
        shown = {
            name: median(way.samples_ms)
            for name, way in self.ways.items()
            for least in (MARGIN if _split(name)[0] in plain else gain,)
            if way.loss_db is not None
            and way.loss_db <= LARGEST_LOSS_DB
            and _always_faster(way.samples_ms, own, least)
        }
        return _split(min(shown, key=lambda name: shown[name], default=self.reference))

    def fastest_threads(self) -> int:
        """How many threads to compute with."""
        usual = self.conditions.threads
        own = self.threads_ms.get(str(usual), [])
        shown = {
            int(number): median(samples)
            for number, samples in self.threads_ms.items()
            if _always_faster(samples, own, MARGIN)
        }
        return min(shown, key=lambda number: shown[number], default=usual)

    def speedup(self, backend: str, dtype: str) -> float:
        """The reference's median time over that of a way, of the rounds that both took."""
        own = self.ways[self.reference].samples_ms
        other = self.ways[_named(backend, dtype)].samples_ms
        return median(own[: len(other)]) / median(other)


def _always_faster(samples: Sequence[float], than: Sequence[float], by: float) -> bool:
    """Whether times of as many whole rounds are below others by more than a part, in each."""
    if not len(samples) == len(than) == ROUNDS:
        return False
    return all(other > (1 + by) * mine for mine, other in zip(samples, than, strict=True))


def _named(backend: str, dtype: str) -> str:
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
            ways=[_named(*way) for way in ways],
            architecture=json.loads(json.dumps(self.variant.architecture(self.scale))),
            scale=self.scale,
            dtype=self.dtype,
            hr_side=SMALL if self.hr_pixels <= 2 * SMALL**2 else LARGE,
            other_threads=sorted(self.other_threads),
        )


def fastest_way(
    wanted: Wanted, *, gain: float = MARGIN, measure: bool = True
) -> tuple[str, str, Measurement | None]:
    """What ``--backend auto`` is here.

    Args:
        wanted: the network, and how it is to run.
        gain: by how much a backend that compiles has to be faster than eager: 0.01 for 1 %.
        measure: whether to, where no measurement is kept; else it is eager.

    Returns:
        The backend, the dtype, and what that rests on: None where there is no choice, or nothing is
        known.

    Raises:
        HarnessError: no backend computes in the dtype on the device, or eager fails.
    """
    ways = wanted.candidates()
    if not ways:
        raise HarnessError(
            f"no backend that is installed here computes in {wanted.dtype} on {wanted.device}"
        )
    reference = (DEFAULT_BACKEND, wanted.dtype)
    no_choice = len(ways) == 1 and not wanted.other_threads
    if no_choice or reference not in ways:
        return *ways[0], None
    conditions = wanted.conditions()
    kept = _kept(conditions)
    if kept is None and measure:
        kept = _measure(wanted, conditions, gain)
        _keep(kept)
    return (*reference, None) if kept is None else (*kept.fastest(gain), kept)


def numbers_of_threads() -> list[int]:
    """Numbers of threads that computing may be fastest with: all usable processors, or one a core.

    Where ``OMP_NUM_THREADS`` is set, it is that alone.
    """
    from variants import processor

    usable = usable_cpus()
    if os.environ.get("OMP_NUM_THREADS"):
        return [default_threads()]
    return sorted({usable, min(usable, processor.physical_cores() or usable)})


def measurements() -> list[Measurement]:
    """All that are kept, of whatever machine; files that are none are passed over."""
    found = []
    for path in sorted(_folder().glob("*.json")):
        try:
            found.append(Measurement.model_validate(read_json(path)))
        except (OSError, ValueError):
            continue
    return sorted(found, key=lambda one: (one.variant, one.conditions.scale, one.measured))


def _folder() -> Path:
    return cache_folder() / "backends"


def _path(conditions: Conditions) -> Path:
    canonical = json.dumps(conditions.stored(), sort_keys=True, separators=(",", ":"))
    return _folder() / f"{hashlib.sha256(canonical.encode()).hexdigest()[:32]}.json"


def _kept(conditions: Conditions) -> Measurement | None:
    path = _path(conditions)
    try:
        found = Measurement.model_validate(read_json(path))
        if found.conditions != conditions or found.reference not in found.ways:
            raise ValueError("it is of something else")
        return found
    except FileNotFoundError:
        return None
    except ValidationError as error:
        reason = f"{error.error_count()} entries are not what they should be"
    except (OSError, ValueError) as error:
        reason = str(error)
    say(f"Note: {path} is damaged and will be written anew: {reason}", err=True)
    return None


def _keep(measurement: Measurement) -> None:
    path = _path(measurement.conditions)
    try:
        make_folder(path.parent)
        write_json(path, measurement.stored())
    except OSError as error:
        say(
            f"Note: which backend is fastest cannot be kept in {path.parent}: {error.strerror}",
            err=True,
        )


def _measure(wanted: Wanted, conditions: Conditions, gain: float) -> Measurement:
    import torch

    from variants.factory import create_model

    say(
        f"Note: measuring which backend is fastest here for {wanted.variant.name} {wanted.scale}x, "
        f"once: {', '.join(conditions.ways)}",
        err=True,
    )
    torch.manual_seed(0)
    model = create_model(wanted.variant.name, wanted.scale, pretrained=wanted.weights)
    model.to(wanted.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    left_out: dict[str, str] = {}
    with _threads(wanted.threads):
        forwards = _prepared(model, wanted, left_out)
        side = max(1, conditions.hr_side // wanted.scale)
        y = torch.rand(1, 1, side, side, device=wanted.device)
        samples = _samples(forwards, y, wanted)
        whole = [name for name, taken in samples.items() if len(taken) == ROUNDS]
        losses = _losses({name: forwards[name] for name in whole}, wanted)
    found = Measurement(
        conditions=conditions,
        variant=wanted.variant.name,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        ways={
            name: Way(samples_ms=taken, loss_db=losses.get(name)) for name, taken in samples.items()
        },
        left_out=left_out,
    )
    if not wanted.other_threads:
        return found
    by_threads = _by_threads(model, found.fastest(gain), y, wanted)
    return found.model_copy(update={"threads_ms": by_threads})


Forwards = Mapping[str, Callable[["Tensor"], "Tensor"]]


def _prepared(model: "SRModel", wanted: Wanted, left_out: dict[str, str]) -> Forwards:
    import torch

    forwards: dict[str, Callable[[Tensor], Tensor]] = {}
    for way in wanted.candidates():
        name = _named(*way)
        try:
            forward = _rewritten_and_prepared(model, way, wanted)
            forward(torch.rand(1, 1, 16, 16, device=wanted.device))
            forwards[name] = forward
        except Exception as error:
            # Whatever a runtime raises here, there are others; the reference has to work.
            if way == (DEFAULT_BACKEND, wanted.dtype):
                raise
            left_out[name] = str(error)[:1000]
    return forwards


def _samples(forwards: Forwards, y: "Tensor", wanted: Wanted) -> dict[str, list[float]]:
    """Milliseconds by way, of rounds in which all take turns."""
    from harness.measure.latency import make_timer

    timer = make_timer(wanted.device)
    for forward in forwards.values():
        forward(y)
    samples: dict[str, list[float]] = {name: [] for name in forwards}
    active = list(forwards)
    for number in range(ROUNDS if len(forwards) > 1 else 0):
        active.reverse()  # Of any two each goes first as often as the other.
        for name in active:
            samples[name].append(timer.time_ms(lambda name=name: forwards[name](y)))  # type: ignore[misc]
        if number + 1 == FIRST_LOOK:
            reference = _named(DEFAULT_BACKEND, wanted.dtype)
            active = [
                name
                for name in active
                if name == reference
                or any(
                    mine < its for mine, its in zip(samples[name], samples[reference], strict=True)
                )
            ]
    return samples


def _by_threads(
    model: "SRModel", way: tuple[str, str], y: "Tensor", wanted: Wanted
) -> dict[str, list[float]]:
    """Milliseconds of a way by number of threads, of rounds in which all take turns."""
    from harness.measure.latency import make_timer

    timer = make_timer(wanted.device)
    numbers = [wanted.threads, *wanted.other_threads]
    forwards: dict[int, Callable[[Tensor], Tensor]] = {}
    for number in numbers:
        with _threads(number):
            forwards[number] = _rewritten_and_prepared(model, way, wanted)
            forwards[number](y)
    samples: dict[int, list[float]] = {number: [] for number in numbers}
    for _ in range(ROUNDS):
        numbers.reverse()
        for number in numbers:
            with _threads(number):
                forwards[number](y[..., :16, :16])  # Starts the threads.
                samples[number].append(
                    timer.time_ms(lambda number=number: forwards[number](y))  # type: ignore[misc]
                )
    return {str(number): taken for number, taken in samples.items()}


def _rewritten_and_prepared(
    model: "SRModel", way: tuple[str, str], wanted: Wanted
) -> Callable[["Tensor"], "Tensor"]:
    backend, dtype = way
    rewrite = get_backend(backend).rewrite
    return prepare(rewrite(model) if rewrite else model, backend, dtype, wanted.device)


def _losses(forwards: Forwards, wanted: Wanted) -> dict[str, float]:
    """Mean PSNR that the reference has more than a way, by way, in dB."""
    import torch

    from harness.data.calibration import calibration_pairs
    from harness.metrics.psnr import psnr

    if len(forwards) < 2:
        return {}
    found: dict[str, list[float]] = {name: [] for name in forwards}
    for lr, hr in itertools.islice(calibration_pairs(wanted.scale), _IMAGES):
        y = torch.from_numpy(lr).float()[None, None].to(wanted.device)
        for name, forward in forwards.items():
            found[name].append(psnr(forward(y)[0, 0].double().cpu().numpy(), hr))
    exact = fmean(found.pop(_named(DEFAULT_BACKEND, wanted.dtype)))
    return {name: exact - fmean(values) for name, values in found.items()}


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """torch, and runtimes that ask it, with as many threads within the context."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
