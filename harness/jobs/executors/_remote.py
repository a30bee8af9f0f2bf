"""What executors on other machines have in common: sending, asking again, telling the user."""

import pickle
import statistics
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, ResultsError
from harness.jobs.base import Job, Record
from harness.jobs.estimate import Estimator
from harness.jobs.execute import Ending, Stopwatch, finished
from harness.jobs.executor import Execute, Executor, MeasureAlone
from harness.jobs.transport import (
    Answer,
    Delivery,
    Failure,
    File,
    Lacking,
    Refusal,
    pack,
    store_made,
)
from harness.system.files import remedy
from harness.system.interrupts import raise_interrupt
from harness.system.text import plural

TRIES = 4
"""How often a job is begun whose machine is lost."""
TICK_S = 1.0
LONG_S = 60.0
"""A job is long under way after this, if it also takes so many times as long as others."""
TIMES_OTHERS = 5
NOBODY_S = 120.0
"""How long to wait for a machine where there is none."""


class LostError(Exception):
    """The process or the machine that executed a job is gone; says how."""


@dataclass
class Flight:
    """What was sent and is not back.

    Attributes:
        jobs: one, or those to be measured together.
        do: executes them.
        alone: on a whole machine, together.
        tries: how often it was lost.
        started: on this machine's clock.
        told: whether the user knows that it takes long.
        files: what it needs, by SHA-256.
    """

    jobs: list[Job]
    do: Execute | MeasureAlone
    alone: bool = False
    tries: int = 0
    started: float = 0.0
    told: bool = False
    files: dict[str, File] = field(default_factory=dict)

    @property
    def title(self) -> str:
        more = len(self.jobs) - 1
        return self.jobs[0].title + (f" and {more} more" if more else "")


class Remote(Executor):
    """Sends jobs to other machines and stores the files that come back.

    Attributes:
        refused: by the machine's id, why it gets no jobs.
    """

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self._handles: dict[str, Any] = {}
        self._seconds: list[float] = []

    @abstractmethod
    def slots(self, device: str) -> int:
        """How many jobs can be under way at once; 0 while there is no machine."""

    @abstractmethod
    def start(self, flight: Flight, parcels: bytes, handles: dict[str, Any]) -> Any:
        """Begin it somewhere; returns what :meth:`wait` gives back when there is an answer."""

    @abstractmethod
    def wait(self, tokens: Sequence[Any], timeout_s: float) -> list[Any]:
        """Those of the tokens that have an answer; waits for one, but not longer than told."""

    @abstractmethod
    def answer(self, token: Any) -> Answer:
        """What came; LostError if nothing will."""

    @abstractmethod
    def put(self, file: File) -> Any:
        """Make a file's bytes available to every machine; returns what leads to them.

        Raises:
            OSError: it cannot be read.
        """

    def completed(
        self, execute: Execute, jobs: Sequence[Job], known: Collection[Record]
    ) -> Iterator[tuple[Job, Record]]:
        """As :meth:`Executor.completed`, the jobs that take longest first.

        Raises:
            HarnessError: no machine is left, or a plug-in fails.
            ResultsError: a file that a job made cannot be stored.
        """
        queue = deque(Flight([job], execute) for job in Estimator(known).longest_first(jobs))
        for flight, records in self._answers(queue):
            yield flight.jobs[0], records[0]

    def alone(self, measure: MeasureAlone, jobs: list[Job]) -> list[Record]:
        ((_, records),) = self._answers(deque([Flight(jobs, measure, alone=True)]))
        return records

    def _answers(self, queue: deque[Flight]) -> Iterator[tuple[Flight, list[Record]]]:
        under_way: dict[Any, Flight] = {}
        self._seconds = []
        nobody_since: float | None = None
        while queue or under_way:
            slots = self._slots(queue)
            # Twice as many as there is room for, so that none waits for this process.
            while queue and len(under_way) < 2 * slots:
                flight = queue.popleft()
                under_way[self._begin(flight)] = flight
            nobody_since = None if slots else nobody_since or time.monotonic()
            # One that is lost may come back, or another one; one that was refused stays refused.
            waited = nobody_since is not None and time.monotonic() - nobody_since > NOBODY_S
            if waited or (self.refused and not slots):
                raise HarnessError(self._nobody(len(queue) + len(under_way)))
            if not under_way:
                time.sleep(TICK_S)
            for token in self.wait([*under_way], TICK_S):
                flight = under_way.pop(token)
                records = self._heed(flight, token)
                if records is None:
                    queue.appendleft(flight)
                else:
                    self._seconds.append(time.monotonic() - flight.started)
                    yield flight, records
            raise_interrupt()
            self._tell_of_long(under_way, len(queue) + len(under_way))

    def _slots(self, queue: Collection[Flight]) -> int:
        device = next((flight.jobs[0].inputs.get("device", "cpu") for flight in queue), "cpu")
        return self.slots(device)

    def _begin(self, flight: Flight) -> Any:
        parcels = [pack(job) for job in flight.jobs]
        flight.files = {file.sha256: file for parcel in parcels for file in parcel.files()}
        handles = {key: self._handles[key] for key in flight.files.keys() & self._handles.keys()}
        content = pickle.dumps(parcels if flight.alone else parcels[0])
        flight.started, flight.told = time.monotonic(), False
        return self.start(flight, content, handles)

    def _heed(self, flight: Flight, token: Any) -> list[Record] | None:
        """The records of a flight; None where it is to begin again."""
        try:
            answer = self.answer(token)
        except LostError as error:
            return self._lost(flight, str(error))
        if isinstance(answer, Delivery):
            self._store(flight, answer)
            return answer.records
        if isinstance(answer, Failure):
            raise HarnessError(answer.why)
        if isinstance(answer, Refusal):
            self._refuse(answer)
        elif isinstance(answer, Lacking):
            for sha256 in answer.sha256 - self._handles.keys():
                file = flight.files[sha256]
                try:
                    self._handles[sha256] = self.put(file)
                except OSError as error:
                    raise HarnessError(f"cannot send {file.path}: {error.strerror}") from error
        return None

    def _lost(self, flight: Flight, how: str) -> list[Record] | None:
        flight.tries += 1
        if flight.tries < TRIES:
            self.tell(f"Lost: {flight.title}: {how}; it is begun again")
            return None
        reason = f"{how}, {TRIES} times (out of memory?); the same command tries it again"
        watch = Stopwatch()
        return [finished(job, watch, Ending("failed", reason)) for job in flight.jobs]

    def _refuse(self, refusal: Refusal) -> None:
        if refusal.node not in self.refused:
            self.refused[refusal.node] = f"{refusal.name} {refusal.why}"
            self.tell(f"Note: no jobs for a machine: {self.refused[refusal.node]}")

    def why_nobody(self) -> str:
        """Why there is no machine, where there is none."""
        return "; ".join(self.refused.values()) or "none is left"

    def _nobody(self, n: int) -> str:
        return (
            f"no machine takes the {plural(n, 'job')} left: {self.why_nobody()}. What was recorded "
            "is intact; run the same command again to go on."
        )

    def _store(self, flight: Flight, delivery: Delivery) -> None:
        if not delivery.made:
            return
        results = Path(flight.jobs[0].inputs["results"])
        try:
            store_made(delivery.made, results)
        except OSError as error:
            raise ResultsError(
                f"cannot store what {flight.title} made in {results}: {error.strerror}. What was "
                f"recorded before is intact; {remedy(error)}, then run the same command again."
            ) from error

    def _tell_of_long(self, under_way: dict[Any, Flight], left: int) -> None:
        usual = statistics.median(self._seconds) if self._seconds else 0.0
        for flight in under_way.values():
            seconds = time.monotonic() - flight.started
            if not flight.told and not flight.alone and seconds > max(LONG_S, TIMES_OTHERS * usual):
                flight.told = True
                others = f", others took {usual:.0f} s" if self._seconds else ""
                self.tell(
                    f"Waiting: {flight.title} has been under way for {seconds:.0f} s{others}; "
                    f"{plural(left, 'job')} left"
                )
