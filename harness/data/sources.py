"""Where the public copies of datasets and weights lie: pinned files, by repository and commit."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from harness.data.datasets import get_info, list_datasets
from harness.errors import DataError
from variants.errors import UnknownNameError

GITHUB = "https://raw.githubusercontent.com"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_FIELDS = {
    "dataset": _PLAIN_NAME,
    "file": _PLAIN_NAME,
    "repo": re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+"),
    "commit": re.compile(r"[0-9a-f]{40}"),
    "path": re.compile(r"(?!.*(^|/)\.{1,2}(/|$))[^/\\\0].*"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "bytes": re.compile(r"[1-9][0-9]*"),
}


@dataclass(frozen=True)
class Source:
    """One upstream file.

    Attributes:
        dataset: the folder that it goes into.
        file: its name there: a plain name, so that it cannot leave the folder.
        repo: ``owner/name`` on GitHub.
        commit: the pinned commit, 40 hex digits.
        path: inside the repository.
        sha256: of its bytes, in hex.
        bytes: how many there are.
    """

    dataset: str
    file: str
    repo: str
    commit: str
    path: str
    sha256: str
    bytes: int

    def url(self, base: str = GITHUB) -> str:
        """Its address at a host that serves ``REPO/COMMIT/PATH``."""
        return f"{base.rstrip('/')}/{self.repo}/{self.commit}/{quote(self.path)}"


def parse_sources(lines: Iterable[str]) -> tuple[Source, ...]:
    """Read a CSV of sources.

    Raises:
        DataError: a value is malformed, such as a file name that would leave its folder, or a
            file is listed twice.
    """
    sources = []
    seen = set()
    for number, row in enumerate(csv.DictReader(lines), start=2):
        for field, pattern in _FIELDS.items():
            if not pattern.fullmatch(row.get(field) or ""):
                raise DataError(f"line {number} of the sources: bad {field} {row.get(field)!r}")
        values: dict[str, Any] = {field: row[field] for field in _FIELDS}
        source = Source(**{**values, "bytes": int(row["bytes"])})
        key = (source.dataset, source.file.casefold())
        if key in seen:
            raise DataError(f"line {number} of the sources: {source.file} is listed twice")
        seen.add(key)
        sources.append(source)
    return tuple(sources)


@cache
def all_sources() -> tuple[Source, ...]:
    """The sources that come with this package."""
    return parse_sources(
        files("harness.data").joinpath("sources.csv").read_text("utf-8").splitlines()
    )


def sources_of(name: str, sources: Iterable[Source] | None = None) -> tuple[Source, ...]:
    """The files of a dataset (by name or alias) or of ``"weights"``.

    Raises:
        UnknownNameError: no such dataset.
        DataError: it has no public source; the message says how to get it.
    """
    known = all_sources() if sources is None else tuple(sources)
    names = {source.dataset.casefold(): source.dataset for source in known}
    canonical = names.get(name.casefold())
    if canonical is None:
        try:
            info = get_info(name)
        except UnknownNameError:
            everything = {*names.values(), *(info.name for info in list_datasets())}
            raise UnknownNameError("dataset", name, everything) from None
        canonical = info.name
        if canonical not in names.values():
            raise DataError(f"{canonical} cannot be fetched: {info.how_to_get}.")
    return tuple(source for source in known if source.dataset == canonical)


def fetchable(sources: Iterable[Source] | None = None) -> list[str]:
    """Names that have sources, in their order."""
    known = all_sources() if sources is None else sources
    return list(dict.fromkeys(source.dataset for source in known))
