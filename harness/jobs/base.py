"""Jobs and records: what is to be measured, and what came of it. Plain data, no torch."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

Kind = Literal["cost", "latency", "quality", "pictures"]
Status = Literal["done", "failed", "no_weights", "unavailable"]

SCHEMA = 1

BUSY_PERCENT = 20
"""Share of the processors used by others above which a latency is not to be trusted."""

DEFAULT_MEMORY_FORMAT: Final = "channels_last"
"""Of networks whose spec names none."""


@dataclass(frozen=True)
class Job:
    """One thing to measure, a pure function of its spec.

    Attributes:
        kind: which stage executes it.
        spec: everything that its result depends on, by content (hashes, not paths): JSON data.
        inputs: where the named content lies on this machine, and other means that cannot change
            the result; not part of the identity.
    """

    kind: Kind
    spec: Mapping[str, Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Stable and content-derived: equal specs give equal ids on every machine."""
        canonical = json.dumps([self.kind, self.spec], sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(canonical.encode()).hexdigest()[:16]
        words = [self.kind, self.spec["variant"]["name"], f"{self.spec['scale']}x"]
        if "dataset" in self.spec:
            words.append(self.spec["dataset"]["name"])
        return "-".join([*(_slug(word) for word in words), digest])

    @property
    def slot(self) -> tuple[str, ...]:
        """Which cell of the tables it is to fill."""
        return _slot(self.kind, self.spec)

    @property
    def title(self) -> str:
        """For people: kind, variant, scale, dataset, and the way it runs if not the usual one."""
        words = [self.kind, self.spec["variant"]["name"], f"{self.spec['scale']}x"]
        if "dataset" in self.spec:
            words.append(self.spec["dataset"]["name"])
        if self.kind == "latency":
            words.append(f"{self.spec['lr_width']}x{self.spec['lr_height']}")
            words.append(f"batch {self.spec['batch']}")
            words.append(f"threads {self.spec['threads']}")
        usual = ("float32", "float64", "eager", DEFAULT_MEMORY_FORMAT)
        keys = ("backend", "dtype", "memory_format")
        ways = [self.spec[key] for key in keys if key in self.spec]
        return " ".join([*words, *(way for way in ways if way not in usual)])


@dataclass(frozen=True)
class Record:
    """What came of a job.

    Attributes:
        id: the job's.
        kind: the job's.
        spec: the job's.
        status: ``done``; ``failed`` (``reason`` holds the error); ``no_weights`` (nothing to
            evaluate yet); ``unavailable`` (this machine lacks what the job needs).
        reason: one sentence where the status is not ``done``.
        result: figures, unrounded; empty where the status is not ``done``.
        started: ISO 8601 time, UTC.
        seconds: wall time of the job.
        environment: versions and hardware that it ran on.
        schema: version of this layout.
    """

    id: str
    kind: Kind
    spec: Mapping[str, Any]
    status: Status
    reason: str | None
    result: Mapping[str, Any]
    started: str
    seconds: float
    environment: Mapping[str, Any]
    schema: int = SCHEMA

    @property
    def slot(self) -> tuple[str, ...]:
        """Which cell of the tables it fills."""
        return _slot(self.kind, self.spec)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _slot(kind: Kind, spec: Mapping[str, Any]) -> tuple[str, ...]:
    parts = [kind, spec["variant"]["name"], str(spec["scale"]), spec["weights"]["label"]]
    if kind in ("quality", "pictures"):
        parts += [spec["dataset"]["name"], spec["protocol"]["name"], spec["dtype"]]
        parts += [spec.get("backend", "eager")]
    if kind == "latency":
        keys = ("device", "device_name", "dtype", "threads", "batch", "lr_height", "lr_width")
        parts += [str(spec[key]) for key in keys]
        parts += [spec.get("backend", "eager")]
        parts += [spec.get("memory_format", DEFAULT_MEMORY_FORMAT)]
    if kind == "cost":
        parts += [str(spec["hr_height"]), str(spec["hr_width"])]
    return tuple(parts)


def _slug(text: str) -> str:
    """A file-name-safe form; the id's hash keeps different names apart."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", text)[:40].strip("._") or "_"
