"""Measure which way to execute a network is the fastest: all of them in turns, on one image."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import fmean
from typing import TYPE_CHECKING, Final

from harness.backends import DEFAULT_BACKEND, get_backend, prepare
from harness.measure.host_load import HostLoad
from harness.networks.ways import ROUNDS, Measurement, Wanted, Way, Work, name_of_way
from harness.system.text import say

if TYPE_CHECKING:
    from torch import Tensor

    from variants.backbones.base import SRModel

WARM_UP: Final = 2
"""Rounds that do not count: in the first each finds the memory that another one has left."""
FIRST_LOOK: Final = 2
"""Rounds after which those leave that were slower than eager in each."""
_IMAGES: Final = 3
"""Calibration images that the loss is measured on."""


def measure_ways(wanted: Wanted, work: Work) -> Measurement:
    """Times and losses of a network's ways.

    Args:
        wanted: the network, and how it is to run.
        work: as :meth:`Measurement.fastest` takes it, for the way whose threads are measured.

    Raises:
        Exception: of any kind, where eager fails.
    """
    import torch

    from variants.factory import create_model

    conditions = wanted.conditions()
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
        with HostLoad(lambda: None) as host:
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
        busy_percent=host.busy_percent,
    )
    if not wanted.other_threads:
        return found
    by_threads = _by_threads(model, found.fastest(work), y, wanted)
    return found.model_copy(update={"threads_ms": by_threads})


Forwards = Mapping[str, Callable[["Tensor"], "Tensor"]]


def _prepared(model: "SRModel", wanted: Wanted, left_out: dict[str, str]) -> Forwards:
    import torch

    forwards: dict[str, Callable[[Tensor], Tensor]] = {}
    for way in wanted.candidates():
        name = name_of_way(*way)
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
    for forward in WARM_UP * [*forwards.values()]:
        forward(y)
    samples: dict[str, list[float]] = {name: [] for name in forwards}
    active = list(forwards)
    for number in range(ROUNDS if len(forwards) > 1 else 0):
        active.reverse()  # Of any two each goes first as often as the other.
        for name in active:
            samples[name].append(timer.time_ms(lambda name=name: forwards[name](y)))  # type: ignore[misc]
        if number + 1 == FIRST_LOOK:
            reference = name_of_way(DEFAULT_BACKEND, wanted.dtype)
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
    exact = fmean(found.pop(name_of_way(DEFAULT_BACKEND, wanted.dtype)))
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
