"""What the figures were measured on: versions, processor, commit. Imports no torch."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from harness import __version__

DISTRIBUTION = "cms-lapsrn-harness"

PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "pillow",
    "scikit-image",
    "fvcore",
    "ptflops",
    "pandas",
    "matplotlib",
)


@cache
def package_version(name: str) -> str:
    """The installed version of a distribution, ``"absent"`` if there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


@cache
def cpu_name() -> str:
    """The processor's model name as the operating system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # Not Linux; the platform module knows less but something.
    return platform.processor() or platform.machine()


def affinity() -> list[int] | None:
    """The logical processors that this process is bound to; None where systems cannot tell."""
    if not hasattr(os, "sched_getaffinity"):
        return None  # Such as macOS.
    try:
        return sorted(os.sched_getaffinity(0))
    except OSError:
        return None


def bind_to(cpus: Iterable[int]) -> None:
    """Keep this process on some logical processors, where the system can and allows it.

    Of none it changes nothing.
    """
    if (wanted := list(cpus)) and hasattr(os, "sched_setaffinity"):
        with suppress(OSError):
            os.sched_setaffinity(0, wanted)


def usable_cpus() -> int:
    """Logical processors that this process may run on."""
    return len(affinity() or ()) or os.cpu_count() or 1


def default_threads() -> int:
    """Threads to compute with: what ``OMP_NUM_THREADS`` says, but no more than can be used.

    All usable processors where it is not set, or is none of OpenMP's lists of whole numbers.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    threads = int(asked) if asked.isascii() and asked.isdecimal() else 0
    return min(threads, usable_cpus()) if threads else usable_cpus()


def load_1min() -> float | None:
    """The system's mean load over the last minute; None where it tells none."""
    if not hasattr(os, "getloadavg"):
        return None
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


@cache
def git_commit() -> str | None:
    """Commit that this code is of, None where nothing tells.

    That of the checkout that it lies in, ``-dirty`` appended where files of the code differ from it
    (results may lie in the checkout, too); or the one that it was installed from, as pip notes in
    ``direct_url.json``.
    """
    return _checkout_commit() or _installed_commit()


def _installed_commit() -> str | None:
    """The commit of ``pip install git+https://...``."""
    try:
        installed = distribution(DISTRIBUTION)
        ours = Path(str(installed.locate_file("harness/system/environment.py")))
        # Another copy of this code may be installed than the one that runs.
        if ours.resolve() != Path(__file__).resolve():
            return None
        url = json.loads(installed.read_text("direct_url.json") or "{}")
        return str(url["vcs_info"]["commit_id"])
    except (PackageNotFoundError, OSError, ValueError, KeyError, TypeError):
        return None


def _checkout_commit() -> str | None:
    folder = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()

    try:
        if not git("ls-files", "--", Path(__file__).name):
            return None  # Installed below some other project's checkout.
        code = [str(folder.parents[1] / name) for name in ("harness", "variants")]
        dirty = git("status", "--porcelain", "--", *code)
        return git("rev-parse", "HEAD") + ("-dirty" if dirty else "")
    except (OSError, subprocess.SubprocessError):
        return None


def cuda_available() -> bool:
    """Whether torch can use a GPU; answers without importing torch where that cannot be."""
    if package_version("torch").endswith("+cpu"):
        return False
    import torch

    return torch.cuda.is_available()


def device_name(device: str) -> str:
    """The model name of ``"cpu"`` or ``"cuda"``."""
    if device == "cpu":
        return cpu_name()
    import torch

    return torch.cuda.get_device_name()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that figures depend on."""
    packages = {name: package_version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **packages}


@dataclass(frozen=True)
class Machine:
    """A machine that latency is planned for.

    Attributes:
        device: ``"cpu"`` or ``"cuda"``.
        device_name: its model.
        usable_cpus: logical processors.
        threads: to compute with where nobody says how many.
        here: whether it is this one.
    """

    device: str
    device_name: str
    usable_cpus: int
    threads: int
    here: bool = True


def this_machine(device: str) -> Machine:
    """What this machine is."""
    return Machine(device, device_name(device), usable_cpus(), default_threads())


def describe(device: str, machine: Machine | None = None) -> dict[str, Any]:
    """The environment as stored with every record.

    Args:
        device: ``"cpu"`` or ``"cuda"``.
        machine: where it is, if not here.
    """
    return {
        "harness": __version__,
        "commit": git_commit(),
        "device": device,
        "device_name": machine.device_name if machine else device_name(device),
        "cpu": cpu_name(),
        "usable_cpus": usable_cpus(),
        "platform": platform.platform(),
        "versions": versions(),
    }
