"""A results folder: one JSON file per finished job, and the tables collated from them."""

import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.errors import ResultsError
from harness.jobs.base import Job, Record
from harness.jobs.kinds import kinds
from harness.jobs.records import read_record
from harness.jobs.tables import tables
from harness.system.files import read_json, remedy, remove_stale, write_atomically, write_json

FINAL = ("done", "no_weights")
"""A record of one of these statuses is not measured again; others are tried again."""


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
        jobs = [path for name in kept_folders() for path in (self.path / name).glob("*/")]
        return [self.path, self.jobs_dir, *jobs]

    def require(self) -> None:
        """ResultsError if it is no results folder, or cannot be looked into."""
        try:
            found = stat.S_ISDIR(self.jobs_dir.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            found = False
        except OSError as error:
            raise ResultsError(f"cannot read {self.path}: {error.strerror}") from error
        if not found:
            raise ResultsError(
                f"no results in {self.path}: it has no folder `jobs`. Give the folder that a run "
                "wrote with --results."
            )

    def read(self) -> dict[str, Record]:
        """All records by id; what is no sound record is described in ``problems``.

        Raises:
            ResultsError: the folder of the records cannot be listed.
        """
        self.problems = []
        records = {}
        for path in self.record_files():
            try:
                content = read_json(path)
            except OSError as error:
                self.problems.append(f"{path.name} cannot be read ({error.strerror}); left out")
                continue
            except ValueError as error:
                self.problems.append(f"{path.name} is not a readable record ({error}); left out")
                continue
            try:
                record = read_record(path.stem, content)
            except ValueError as error:
                self.problems.append(f"{path.name} {error}; left out")
            else:
                records[record.id] = record
        return records

    def record_files(self) -> list[Path]:
        """Everything that is named like a record, sorted.

        Raises:
            ResultsError: the folder of the records cannot be listed.
        """
        try:
            return sorted(path for path in self.jobs_dir.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ResultsError(f"cannot read {self.jobs_dir}: {error.strerror}") from error

    def write(self, record: Record) -> None:
        """Store a record atomically; ResultsError if the disk is full or the folder is gone."""
        path = self.jobs_dir / f"{record.id}.json"
        try:
            if os.path.lexists(path) and not path.is_file():
                # A folder or the like has the record's name: it is somebody's, so it is kept.
                path.rename(path.with_name(f"{path.name}.{secrets.token_hex(4)}.kept"))
            write_json(path, record.as_dict())
        except OSError as error:
            raise ResultsError(
                f"cannot store {record.id} in {self.jobs_dir}: {error.strerror}. What was recorded "
                f"before is intact; {remedy(error)}, then run the same command again to go on."
            ) from error

    def forget(self, ids: Iterable[str]) -> None:
        """Delete records with what belongs to them.

        Args:
            ids: of jobs, or of records that :meth:`read` gave.
        """
        for name in ids:
            with suppress(OSError):
                (self.jobs_dir / f"{name}.json").unlink(missing_ok=True)
            for kept in kept_folders():
                folder = self.path / kept / name
                # Links are not followed: whoever made them keeps what they lead to.
                if not folder.parent.is_symlink() and not folder.is_symlink():
                    shutil.rmtree(folder, ignore_errors=True)

    def collate(self, records: Iterable[Record]) -> None:
        """Write every table from the records that count."""
        counted = self.current(records)
        try:
            for name, make in tables().items():
                write_atomically(self.path / name, make(counted).csv())
        except OSError as error:
            raise ResultsError(
                f"cannot write the tables in {self.path}: {error.strerror}. The records are "
                f"intact; {remedy(error)}, then run the same command again."
            ) from error

    def current(self, records: Iterable[Record]) -> list[Record]:
        """Of several records for one cell the one that counts; see :func:`current`."""
        return current(records, self._latest())

    def write_run(self, description: dict[str, Any], jobs: Iterable[Job]) -> None:
        """Write ``run.json``: configuration, environment and timings of the last run.

        Args:
            description: JSON data.
            jobs: what the run asks for, which counts from now on.

        Raises:
            ResultsError: the disk is full or the folder is gone.
        """
        asked = {job.cell_key: job.id for job in jobs}
        if kept := self._latest() - set(asked.values()):
            # What an earlier run asked for last, where this one asks for nothing.
            records = {name: r for r in self.read().values() for name in (r.id, r.job_id)}
            before = {records[name].cell_key: name for name in sorted(kept) if name in records}
            asked = before | asked
        try:
            write_json(self.path / "run.json", {**description, "latest": sorted(asked.values())})
        except OSError as error:
            raise ResultsError(
                f"cannot write {self.path / 'run.json'}: {error.strerror}. The records are intact; "
                f"{remedy(error)}, then run the same command again."
            ) from error

    def read_run(self) -> dict[str, Any]:
        """``run.json``, or an empty mapping if there is none that can be read."""
        try:
            content = read_json(self.path / "run.json")
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
        else:
            if isinstance(content, dict):
                return content
            why = "it is no mapping"
        problem = f"run.json cannot be read ({why}); what it says of the run is left out"
        if problem not in self.problems:
            self.problems.append(problem)
        return {}

    def _latest(self) -> set[str]:
        """Ids that a run asked for, of each cell the last one."""
        names = self.read_run().get("latest")
        return {n for n in names if isinstance(n, str)} if isinstance(names, list) else set()


def current(records: Iterable[Record], asked: Iterable[str] = ()) -> list[Record]:
    """Of several records for one cell the one that counts, in a stable order.

    That is the one that a run asked for last, whatever the clock said when it was measured; where
    that is not known, the one that was measured last. A record that says "no weights yet" gives
    way as soon as weights were evaluated for its cell.

    Args:
        records: of any kinds.
        asked: ids of those that runs asked for last.
    """

    def rank(record: Record) -> tuple[bool, str, str]:
        return bool({record.id, record.job_id} & counting), record.started, record.id

    counting = set(asked)
    latest: dict[tuple[str, ...], Record] = {}
    for record in records:
        kept = latest.get(record.cell_key)
        if kept is None or rank(record) > rank(kept):
            latest[record.cell_key] = record
    measured = {r.cell_without_weights for r in latest.values() if r.status != "no_weights"}
    return [
        record
        for _, record in sorted(latest.items())
        if record.status != "no_weights" or record.cell_without_weights not in measured
    ]


def kept_folders() -> list[str]:
    """Folders of a results folder that hold a folder per job, named by its id."""
    return [kind.folder for kind in kinds().values() if kind.folder is not None]
