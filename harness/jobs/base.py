"""Jobs, records and kinds: what is to be measured, and what came of it. Plain data, no torch."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Generic, Literal, cast

from typing_extensions import TypeVar

from harness.jobs.options import Options
from harness.jobs.specs import Result, Spec
from harness.system.plugins import as_inputs

Status = Literal["done", "failed", "no_weights", "unavailable"]

S = TypeVar("S", bound=Spec, default=Spec, covariant=True)
R = TypeVar("R", bound=Result, default=Result, covariant=True)

Migration = Callable[[dict[str, Any]], dict[str, Any]]
"""A stored record (kind, spec, result, ...) to the same record in the next schema."""


@dataclass(frozen=True)
class Job(Generic[S]):
    """One thing to measure, a pure function of its spec.

    Attributes:
        kind: the name of its :class:`JobKind`.
        spec: everything that its result depends on.
        inputs: where the named content lies on this machine, and other means that cannot change
            the result; not part of the identity.
    """

    kind: str
    spec: S
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Stable and content-derived: equal specs give equal ids on every machine."""
        return job_id(self.kind, self.spec.names(), self.spec.stored())

    @property
    def cell_key(self) -> tuple[str, ...]:
        """Which cell of the tables it is to fill."""
        return _cell_key(self.kind, self.spec)

    @property
    def title(self) -> str:
        """For people: kind, variant, scale, dataset, and the way it runs if not the usual one."""
        spec = self.spec
        return " ".join([self.kind, *spec.names(), *spec.details(), *spec.execution()])


@dataclass(frozen=True)
class Record(Generic[S, R]):
    """What came of a job.

    Attributes:
        id: the job's when it was measured.
        kind: the job's.
        spec: the job's.
        status: ``done``; ``failed`` (``reason`` holds the error); ``no_weights`` (nothing to
            evaluate yet); ``unavailable`` (this machine lacks what the job needs).
        reason: one sentence where the status is not ``done``.
        result: figures, unrounded; None where the status is not ``done``.
        started: ISO 8601 time, UTC.
        seconds: wall time of the job.
        environment: versions and hardware that it ran on.
        left: what is known of a job that is not done, such as a traceback: JSON data.
        schema: of the kind's layout, as stored.
        job_id: of the job as it would be planned now: another than ``id`` where the record was
            brought from an older schema.
    """

    id: str
    kind: str
    spec: S
    status: Status
    reason: str | None
    result: R | None
    started: str
    seconds: float
    environment: Mapping[str, Any]
    left: Mapping[str, Any] = field(default_factory=dict)
    schema: int = 1
    job_id: str = ""

    def __post_init__(self) -> None:
        if not self.job_id:
            object.__setattr__(self, "job_id", self.id)

    @property
    def cell_key(self) -> tuple[str, ...]:
        """Which cell of the tables it fills."""
        return _cell_key(self.kind, self.spec)

    @property
    def cell_without_weights(self) -> tuple[str, ...]:
        """The key without the weights' label."""
        return self.cell_key[:3] + self.cell_key[4:]

    @property
    def title(self) -> str:
        """As the job's."""
        return Job(self.kind, self.spec).title

    @property
    def summary(self) -> str:
        """One phrase."""
        if self.status == "failed":
            return f"FAILED: {self.reason}"
        if self.result is None:
            return self.reason or self.status
        return f"{self.result.summary()} ({self.seconds:.1f} s)"

    def as_dict(self) -> dict[str, Any]:
        """JSON data, as its file holds it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "spec": self.spec.stored(),
            "status": self.status,
            "reason": self.reason,
            "result": dict(self.left) if self.result is None else self.result.stored(),
            "started": self.started,
            "seconds": self.seconds,
            "environment": self.environment,
            "schema": self.schema,
        }


@dataclass(frozen=True)
class JobKind(Generic[S, R]):
    """A kind of job: what its folder declares as ``KIND`` in ``kind.py``.

    Beside it lie ``models.py`` (the classes below), ``plan.py`` with ``plan(config, plan,
    records)``, ``run.py`` with ``run(job)`` or, of a kind that runs alone, ``group.py``, and, for
    CSV tables, ``tables.py`` with ``TABLES``.

    Attributes:
        declared_in: ``__name__`` of its ``kind.py``.
        order: of execution, ascending.
        algorithm: goes into specs; raised when the kind computes something else, so that older
            records are measured again.
        spec: everything that a result depends on.
        result: the figures.
        options: the part of a configuration that is called as the kind is; None without one.
        figures: of the result, that comparisons know and gates may guard.
        folder: in a results folder, where a job keeps files, in a folder named by its id.
        needs_weights: a network without any has nothing to evaluate yet.
        on_images: it takes the images of datasets; its specs are :class:`ImagesSpec`.
        builds_on: the kind from whose records its jobs are planned, when those are done.
        alone: nothing else of a run may be under way.
        remark: what to tell the user after a run about all results of it, None for nothing.
        schema: of the layout of spec and result that records are written in.
        migrations: by schema, what brings a stored record to the next; run whenever one is read.
    """

    declared_in: str
    order: int
    algorithm: int
    spec: type[S]
    result: type[R]
    options: type[Options] | None = None
    figures: Collection[str] = ()
    folder: str | None = None
    needs_weights: bool = False
    on_images: bool = False
    builds_on: str | None = None
    alone: bool = False
    remark: Callable[[Sequence[Any]], str | None] | None = None
    schema: int = 1
    migrations: Mapping[int, Migration] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """Its folder as a package."""
        return self.declared_in.rpartition(".")[0]

    @property
    def name(self) -> str:
        """What records, tables and options call it: as its folder is called."""
        return self.package.rpartition(".")[2]

    def module(self, name: str) -> ModuleType:
        """A module of its folder."""
        return import_module(f"{self.package}.{name}")

    def tables(self) -> Mapping[str, Any]:
        """Functions of all records by file name; none where the folder has no ``tables.py``."""
        if find_spec(f"{self.package}.tables") is None:
            return {}
        tables: Mapping[str, Any] = self.module("tables").TABLES
        return tables

    def job(self, spec: Mapping[str, Any], inputs: Mapping[str, Any] | None = None) -> Job[S]:
        """A job of this kind; ``spec`` is JSON data."""
        spec = {"algorithm": self.algorithm, **spec}
        return Job(self.name, self.spec.model_validate(spec), {**(inputs or {}), **as_inputs()})

    def records(self, records: Iterable[Record]) -> Iterator[Record[S, R]]:
        """Of all records those of this kind."""
        return (cast("Record[S, R]", record) for record in records if record.kind == self.name)


def job_id(kind: str, names: Iterable[str], stored: Mapping[str, Any]) -> str:
    """The id of a job: words for people, and a hash of all that its result depends on."""
    return "-".join([*(_slug(word) for word in (kind, *names)), digest(kind, stored)])


def digest(kind: str, stored: Mapping[str, Any]) -> str:
    """What an id ends with; ``stored`` is the spec as JSON data."""
    canonical = json.dumps([kind, stored], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _cell_key(kind: str, spec: Spec) -> tuple[str, ...]:
    return (kind, spec.variant.name, str(spec.scale), spec.weights.label, *spec.cell())


def _slug(text: str) -> str:
    """A file-name-safe form; the id's hash keeps different names apart."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", text)[:40].strip("._") or "_"
