"""Whether a report is there already: the one that the same records would give again."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from harness.jobs.store import ResultsFolder
from harness.system.code import code_files
from harness.system.files import read_json, read_regular, sha256_of, write_json

STAMP = ".rendered.json"
"""In the report's folder: what it was rendered from, and the files that were written."""


def fingerprint(folder: ResultsFolder, baseline: str) -> str:
    """A hash of all that a report depends on.

    Those are the records, the description of the run without its timings, the baseline, and the
    code (its version alone would miss what a developer changes).
    """
    digest = hashlib.sha256()
    run = {key: value for key, value in folder.read_run().items() if key != "timings"}
    digest.update(json.dumps([baseline, run], sort_keys=True).encode())
    for path in folder.record_files():
        digest.update(b"\0" + os.fsencode(path.name) + b"\0" + _content(path))
    for path in code_files():
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def rendered(report: Path, key: str) -> list[Path]:
    """The files of a report with this fingerprint; none if it is another, or was changed since."""
    try:
        stamp = read_json(report / STAMP)
        if any(not _is_inside(name) for name in stamp["files"]):
            return []
        known = {report / name: digest for name, digest in stamp["files"].items()}
        unchanged = stamp["key"] == key and all(sha256_of(p) == d for p, d in known.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return list(known) if unchanged else []


def mark_rendered(report: Path, key: str, written: Iterable[Path]) -> None:
    """Remember what a report was rendered from.

    Raises:
        OSError: the folder is not writable.
    """
    digests = {path.relative_to(report).as_posix(): sha256_of(path) for path in written}
    write_json(report / STAMP, {"key": key, "files": digests})


def _content(path: Path) -> bytes:
    """Of a record's file; of one that is no readable file, why."""
    try:
        return read_regular(path)
    except OSError as error:
        return str(error.strerror).encode()


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts
