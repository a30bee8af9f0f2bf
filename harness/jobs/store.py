"""A results folder: one JSON file per finished job, and the tables collated from them."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.errors import ResultsError
from harness.jobs.base import SCHEMA, Record
from harness.jobs.tables import TABLES
from harness.system.files import remove_stale, write_atomically, write_json

FINAL = ("done", "no_weights")
"""A record of one of these statuses is not measured again; others are tried again."""

KEPT = ("images", "pictures")
"""Folders of a results folder that hold a folder per job, named by its id."""


class ResultsFolder:
    """Where the records of a run lie: ``DIR/jobs/*.json``, ``DIR/*.csv`` and ``DIR/run.json``.

    Attributes:
        path: the folder.
        problems: sentences about record files that could not be read, from the last ``read()``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []

    @property
    def jobs_dir(self) -> Path:
        return self.path / "jobs"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and hold it for one run.

        Raises:
            ResultsError: it cannot be written, or another run has it.
        """
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            self.jobs_dir.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise ResultsError(
                f"another run is using {self.path}. Wait until it is done, or choose another "
                "folder with --results."
            ) from None
        except OSError as error:
            raise ResultsError(
                f"cannot write results into {self.path}: {error.strerror}. "
                "Choose another folder with --results."
            ) from error
        try:
            # Left by a run that was killed while writing; no other run can be writing now.
            for folder in self._written():
                remove_stale(folder)
            yield
        finally:
            lock.release()

    def _written(self) -> list[Path]:
        """Every folder that a run writes into."""
        jobs = [path for name in KEPT for path in (self.path / name).glob("*/")]
        return [self.path, self.jobs_dir, *jobs]

    def read(self) -> dict[str, Record]:
        """All readable records by id; what could not be read is described in ``problems``."""
        self.problems = []
        records = {}
        for path in sorted(self.jobs_dir.glob("*.json")):
            try:
                record = Record(**json.loads(path.read_text("utf-8")))
                _ = record.slot
            except (ValueError, TypeError, KeyError, OSError) as error:
                self.problems.append(f"{path.name} is not a readable record ({error}); left out")
                continue
            if record.schema != SCHEMA:
                self.problems.append(
                    f"{path.name} has schema version {record.schema}, this harness reads {SCHEMA}; "
                    "left out. Measure it again to include it."
                )
                continue
            records[record.id] = record
        return records

    def write(self, record: Record) -> None:
        """Store a record atomically; ResultsError if the disk is full or the folder is gone."""
        try:
            write_json(self.jobs_dir / f"{record.id}.json", record.as_dict())
        except OSError as error:
            raise ResultsError(
                f"cannot store {record.id} in {self.jobs_dir}: {error.strerror}. What was recorded "
                "before is intact; free some space, then run the same command again to go on."
            ) from error

    def collate(self, records: Iterable[Record]) -> None:
        """Write every table from the records that count."""
        counted = current(records)
        try:
            for name, make in TABLES.items():
                content = make(counted).to_csv(index=False, lineterminator="\n")
                write_atomically(self.path / name, content)
        except OSError as error:
            raise ResultsError(
                f"cannot write the tables in {self.path}: {error.strerror}. The records are "
                "intact; free some space, then run the same command again."
            ) from error

    def write_run(self, description: dict[str, Any]) -> None:
        """Write ``run.json``: configuration, environment and timings of the last run."""
        write_json(self.path / "run.json", description)

    def read_run(self) -> dict[str, Any]:
        """``run.json``, or an empty mapping if there is none that can be read."""
        try:
            content = json.loads((self.path / "run.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def current(records: Iterable[Record]) -> list[Record]:
    """Of several records for one cell the latest one, in a stable order.

    A record that says "no weights yet" gives way as soon as weights were evaluated for its cell.
    """
    latest: dict[tuple[str, ...], Record] = {}
    for record in records:
        kept = latest.get(record.slot)
        if kept is None or (record.started, record.id) > (kept.started, kept.id):
            latest[record.slot] = record
    without_weights = {slot: r for slot, r in latest.items() if r.status == "no_weights"}
    measured = {_cell(r) for r in latest.values() if r.status != "no_weights"}
    for slot, record in without_weights.items():
        if _cell(record) in measured:
            del latest[slot]
    return [latest[slot] for slot in sorted(latest)]


def _cell(record: Record) -> tuple[str, ...]:
    """The slot without the weights' label."""
    return record.slot[:3] + record.slot[4:]
