"""What an executor is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.jobs.base import Job, Record
from harness.jobs.plan import resolve_device
from harness.system.environment import Machine, this_machine
from harness.system.text import say

Execute = Callable[[Job], Record]
"""Picklable: from a job to its record."""
MeasureAlone = Callable[[list[Job]], list[Record]]
"""Picklable: measures jobs together while nothing else runs beside them."""


class Executor(ABC):
    """Runs jobs; storing their records is left to whoever asked.

    Attributes:
        tell: shows the user a line beside the progress.
    """

    tell: Callable[[str], object] = staticmethod(partial(say, err=True))

    @abstractmethod
    def completed(
        self, execute: Execute, jobs: Sequence[Job], known: Collection[Record]
    ) -> Iterator[tuple[Job, Record]]:
        """Execute jobs, and yield each with its record as soon as that is there, in any order.

        Args:
            execute: what to do with each.
            jobs: independent of one another.
            known: records of earlier jobs, for estimates of time.

        Raises:
            HarnessError: no more jobs can be executed.
        """

    def machine(self, device: str) -> Machine:
        """Where latency is measured; what jobs are planned for.

        Args:
            device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

        Raises:
            ConfigError: there is no such device.
        """
        return this_machine(resolve_device(device))

    def alone(self, measure: MeasureAlone, jobs: list[Job]) -> list[Record]:
        """Measure jobs together on one machine, with nothing else of the run beside them."""
        return measure(jobs)


@dataclass(frozen=True)
class Opening:
    """What an executor is opened with.

    Attributes:
        address: what stands behind its name and a colon.
        workers: processes on this machine.
        results: the results folder, which is there.
        bound: whether each of these processes keeps to processors of its own.
    """

    address: str = ""
    workers: int = 1
    results: Path = Path()
    bound: bool = True


@dataclass(frozen=True)
class ExecutorModule:
    """What a module declares.

    Attributes:
        open: a context in which jobs can be executed.
        package: what it needs besides, None for nothing; the extra is called as the module is.
        address: an example of what may stand behind its name and a colon, None for nothing.
    """

    open: Callable[[Opening], AbstractContextManager[Executor]]
    package: str | None = None
    address: str | None = None
