"""``--backend auto``: the fastest way to execute a network here, measured once and kept.

Every backend that is installed and quick to start takes turns with eager on one small image. One is
chosen if it was faster in every round and loses at most ``LARGEST_LOSS_DB`` against eager; else it
is eager. The measurement is kept in the user's cache by all that it depends on, so whatever changes
there makes another. Reading what is kept imports neither torch nor SciPy.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from harness.backends import DEFAULT_BACKEND, get_backend, list_backends, prepare
from harness.errors import HarnessError
from harness.system.cache import cache_folder
from harness.system.environment import package_version
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
_VERSION: Final = 1


class Conditions(Part):
    """All that a measurement depends on.

    Attributes:
        version: of how it is measured.
        device: ``"cpu"`` or ``"cuda"``.
        device_name: its model.
        flags: what the processor can do.
        threads: that compute.
        packages: versions of torch and of the runtimes.
        backends: that took part, or would have if they had been able to.
        architecture: of the network, as the catalog resolves it.
        scale: of the network.
        dtype: of the feature branch.
        hr_side: HR pixels on a side of the image.
    """

    version: Count
    device: Name
    device_name: Name
    flags: list[Name]
    threads: Count
    packages: dict[Name, Name]
    backends: list[Name]
    architecture: dict[str, Any]
    scale: Pixels
    dtype: Name
    hr_side: Pixels


class Way(Part):
    """What was measured of a backend.

    Attributes:
        samples_ms: one per round; fewer of one that left early.
        loss_db: PSNR that eager has more, the mean over images; None of one that left early.
    """

    samples_ms: list[Amount]
    loss_db: Figure | None = None


class Measurement(Part):
    """What was found, by backend.

    Attributes:
        variant: the network's name, for people.
        measured: when, ISO 8601.
        left_out: why some could not take part.
    """

    conditions: Conditions
    variant: Name
    measured: Name
    ways: dict[Name, Way]
    left_out: dict[Name, Text]

    def fastest(self, gain: float = MARGIN) -> str:
        """The backend to use.

        Args:
            gain: by how much it has to be faster than eager: 0.01 for 1 %.
        """
        eager = self.ways[DEFAULT_BACKEND].samples_ms
        shown = {
            name: median(way.samples_ms)
            for name, way in self.ways.items()
            if len(way.samples_ms) == len(eager) == ROUNDS
            and way.loss_db is not None
            and way.loss_db <= LARGEST_LOSS_DB
            and all(e > (1 + gain) * s for e, s in zip(eager, way.samples_ms, strict=True))
        }
        return min(shown, key=lambda name: shown[name], default=DEFAULT_BACKEND)

    def speedup(self, name: str) -> float:
        """Eager's median time over that of a backend, of the rounds that both took."""
        eager, other = self.ways[DEFAULT_BACKEND].samples_ms, self.ways[name].samples_ms
        return median(eager[: len(other)]) / median(other)


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

    def candidates(self) -> list[str]:
        """Backends that can be had at once: eager first, if it has the dtype."""
        if not self.variant.has_network or self.variant.brings_weights:
            return [DEFAULT_BACKEND]
        found = [
            name
            for name in list_backends()
            for backend in (get_backend(name),)
            if not backend.slow_start
            and (self.rewritten or backend.rewrite is None)
            and backend.computes_in(self.dtype)
            and self.device in backend.devices
            and find_spec(backend.package) is not None
        ]
        return sorted(found, key=lambda name: name != DEFAULT_BACKEND)

    def conditions(self) -> Conditions:
        """All that a measurement of it depends on."""
        from variants import processor

        names = self.candidates()
        packages = {"torch", *(get_backend(name).package for name in names)}
        return Conditions(
            version=_VERSION,
            device=self.device,
            device_name=self.device_name,
            flags=processor.flags() if self.device == "cpu" else [],
            threads=self.threads,
            packages={name: package_version(name) for name in sorted(packages)},
            backends=names,
            architecture=json.loads(json.dumps(self.variant.architecture(self.scale))),
            scale=self.scale,
            dtype=self.dtype,
            hr_side=SMALL if self.hr_pixels <= 2 * SMALL**2 else LARGE,
        )


def fastest_backend(
    wanted: Wanted, *, gain: float = MARGIN, measure: bool = True
) -> tuple[str, Measurement | None]:
    """What ``--backend auto`` is here.

    Args:
        wanted: the network, and how it is to run.
        gain: by how much a backend has to be faster than eager: 0.01 for 1 %.
        measure: whether to, where no measurement is kept; else it is eager.

    Returns:
        The backend, and what that rests on: None where there is no choice, or nothing is known.

    Raises:
        HarnessError: no backend computes in the dtype on the device, or eager fails.
    """
    names = wanted.candidates()
    if not names:
        raise HarnessError(
            f"no backend that is installed here computes in {wanted.dtype} on {wanted.device}"
        )
    if len(names) == 1 or DEFAULT_BACKEND not in names:
        return names[0], None
    conditions = wanted.conditions()
    kept = _kept(conditions)
    if kept is None and measure:
        kept = _measure(wanted, conditions)
        _keep(kept)
    return (DEFAULT_BACKEND, None) if kept is None else (kept.fastest(gain), kept)


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
        if found.conditions != conditions or DEFAULT_BACKEND not in found.ways:
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


def _measure(wanted: Wanted, conditions: Conditions) -> Measurement:
    import torch

    from variants.factory import create_model

    say(
        f"Note: measuring which backend is fastest here for {wanted.variant.name} {wanted.scale}x "
        f"in {wanted.dtype}, once: {', '.join(conditions.backends)}",
        err=True,
    )
    torch.manual_seed(0)
    model = create_model(wanted.variant.name, wanted.scale, pretrained=wanted.weights)
    model.to(wanted.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    left_out: dict[str, str] = {}
    with _threads(wanted.threads):
        forwards = _prepared(model, wanted, conditions.backends, left_out)
        side = max(1, conditions.hr_side // wanted.scale)
        y = torch.rand(1, 1, side, side, device=wanted.device)
        samples = _samples(forwards, y, wanted.device)
        whole = {name for name, taken in samples.items() if len(taken) == ROUNDS}
        losses = _losses({name: forwards[name] for name in whole}, wanted)
    return Measurement(
        conditions=conditions,
        variant=wanted.variant.name,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        ways={
            name: Way(samples_ms=taken, loss_db=losses.get(name)) for name, taken in samples.items()
        },
        left_out=left_out,
    )


Forwards = Mapping[str, Callable[["Tensor"], "Tensor"]]


def _prepared(
    model: "SRModel", wanted: Wanted, names: list[str], left_out: dict[str, str]
) -> Forwards:
    import torch

    forwards: dict[str, Callable[[Tensor], Tensor]] = {}
    for name in names:
        try:
            rewrite = get_backend(name).rewrite
            rewritten = model if rewrite is None else rewrite(model)
            forward = prepare(rewritten, name, wanted.dtype, wanted.device)
            forward(torch.rand(1, 1, 16, 16, device=wanted.device))
            forwards[name] = forward
        except Exception as error:
            # Whatever a runtime raises on this machine, there are others; eager has to work.
            if name == DEFAULT_BACKEND:
                raise
            left_out[name] = str(error)[:1000]
    return forwards


def _samples(forwards: Forwards, y: "Tensor", device: str) -> dict[str, list[float]]:
    """Milliseconds by backend, of rounds in which all take turns."""
    from harness.measure.latency import make_timer

    timer = make_timer(device)
    for forward in forwards.values():
        forward(y)
    samples: dict[str, list[float]] = {name: [] for name in forwards}
    active = list(forwards)
    for number in range(ROUNDS if len(forwards) > 1 else 0):
        active.reverse()  # Of any two each goes first as often as the other.
        for name in active:
            samples[name].append(timer.time_ms(lambda name=name: forwards[name](y)))  # type: ignore[misc]
        if number + 1 == FIRST_LOOK:
            eager = samples[DEFAULT_BACKEND]
            active = [
                name
                for name in active
                if name == DEFAULT_BACKEND
                or any(mine < its for mine, its in zip(samples[name], eager, strict=True))
            ]
    return samples


def _losses(forwards: Forwards, wanted: Wanted) -> dict[str, float]:
    """Mean PSNR that eager has more than a backend, by backend, in dB."""
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
    exact = fmean(found.pop(DEFAULT_BACKEND))
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
