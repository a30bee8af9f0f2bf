"""Fetch datasets: many files at once, whatever is already there left alone."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from harness.data.download import DEFAULT_PATIENCE, FetchError, Patience, UnreachableError, download
from harness.data.sources import GITHUB, Source
from harness.errors import ConfigError, DataError

LOCK = ".fetch.lock"


@dataclass
class FetchReport:
    """What became of each file that was asked for.

    Attributes:
        fetched: newly on disk, verified.
        present: were there already, verified.
        kept: another file has the name; it was left alone.
        failed: what could not be fetched, with the reason.
    """

    fetched: list[Source] = field(default_factory=list)
    present: list[Source] = field(default_factory=list)
    kept: list[Source] = field(default_factory=list)
    failed: list[tuple[Source, str]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not self.kept and not self.failed


def target_of(source: Source, root: Path) -> Path:
    """Where a source lies below the data folder."""
    return root / source.dataset / source.file


def same_bytes(source: Source, path: Path) -> bool:
    """Whether a file has the source's size and SHA-256."""
    try:
        if path.stat().st_size != source.bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == source.sha256
    except OSError:
        return False


def fetch(
    sources: Sequence[Source],
    root: Path,
    base_url: str = GITHUB,
    workers: int = 8,
    replace: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> FetchReport:
    """Fetch files into ``root/DATASET/FILE``, each verified before it gets its name.

    May be interrupted at any moment and called again: files that are there are not fetched twice.

    Args:
        sources: what to fetch.
        root: the data folder; made if need be.
        base_url: a server of ``REPO/COMMIT/PATH``.
        workers: how many files at once.
        replace: also replace files that have other bytes than are pinned.
        patience: how hard to try, per file.
        on_bytes: told about bytes that are safe or on their way, from any thread; negative where
            an attempt failed.

    Raises:
        ConfigError: ``base_url`` is no web address.
        DataError: the folder cannot be written, the disk is full, another fetch uses the folder,
            or the server cannot be reached at all.
    """
    if urlsplit(base_url).scheme not in ("http", "https") or not urlsplit(base_url).netloc:
        raise ConfigError(f"{base_url!r} is no web address such as {GITHUB}")
    try:
        for folder in {target_of(source, root).parent for source in sources}:
            folder.mkdir(parents=True, exist_ok=True)
        with FileLock(root / LOCK, timeout=0):
            return _fetch(sources, root, base_url, workers, replace, patience, on_bytes)
    except Timeout:
        raise DataError(f"another fetch is writing into {root}; wait until it is done") from None
    except OSError as error:
        raise DataError(
            f"cannot write into {root}: {error.strerror or error}. What was fetched before is "
            "intact; the same command goes on from there."
        ) from error


def _fetch(
    sources: Sequence[Source],
    root: Path,
    base_url: str,
    workers: int,
    replace: bool,
    patience: Patience,
    on_bytes: Callable[[int], None],
) -> FetchReport:
    report = FetchReport()
    missing = []
    for source in sources:
        target = target_of(source, root)
        if same_bytes(source, target):
            report.present.append(source)
            on_bytes(source.bytes)
        elif target.exists() and not replace:
            report.kept.append(source)
        else:
            missing.append(source)
    stop = Event()

    def unless_stopped(n_bytes: int) -> None:
        if stop.is_set():
            raise FetchError("stopped")
        on_bytes(n_bytes)

    def get(source: Source) -> None:
        target = target_of(source, root)
        download(source, target, base_url, patience, unless_stopped, sleep=stop.wait)

    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="fetch")
    try:
        _collect({pool.submit(get, source): source for source in missing}, report)
    finally:
        # On an error or Ctrl-C, what has not begun is dropped and what is under way breaks off.
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
    return report


def _collect(futures: dict[Future[None], Source], report: FetchReport) -> None:
    pending = set(futures)
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            try:
                future.result()
            except UnreachableError as error:
                raise DataError(
                    f"{error}. Check the connection or give a mirror with --base-url; the same "
                    "command goes on from here."
                ) from error
            except FetchError as error:
                report.failed.append((futures[future], str(error)))
            else:
                report.fetched.append(futures[future])
