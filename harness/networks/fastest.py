"""``--backend auto``: the fastest way to execute a network here, measured once and kept.

Every backend that is installed and quick to start takes turns with eager on one small image, in one
dtype or in several. One is chosen if it was faster in almost every round and loses at most
``LARGEST_LOSS_DB`` against eager in the first dtype; else it is that. The measurement is kept in
the user's cache by all that it depends on, so whatever changes there makes another; one that other
programs disturbed is measured again, ``ATTEMPTS`` times in all.
"""

import hashlib
import json
import os
from pathlib import Path

from pydantic import ValidationError

from harness.backends import DEFAULT_BACKEND
from harness.errors import HarnessError
from harness.networks.ways import ATTEMPTS, Conditions, Measurement, Wanted, Work
from harness.system.cache import cache_folder
from harness.system.environment import default_threads, usable_cpus
from harness.system.files import make_folder, read_json, write_json
from harness.system.text import say


def fastest_way(
    wanted: Wanted, *, work: Work = lambda *_: 1.0, measure: bool = True
) -> tuple[str, str, Measurement | None]:
    """What ``--backend auto`` is here.

    Args:
        wanted: the network, and how it is to run.
        work: as :meth:`Measurement.fastest` takes it.
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
    attempt = 1 if kept is None else kept.attempt + 1
    if measure and (kept is None or (kept.disturbed and attempt <= ATTEMPTS)):
        from harness.networks.timing import measure_ways

        kept = measure_ways(wanted, work).model_copy(update={"attempt": attempt})
        _keep(kept)
        if kept.disturbed:
            again = " and measured again the next time" if attempt < ATTEMPTS else ""
            say(
                f"Note: other programs used {kept.busy_percent:.0f} % of the processors meanwhile, "
                f"so what is the fastest is not certain{again}.",
                err=True,
            )
    return (*reference, None) if kept is None else (*kept.fastest(work), kept)


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
