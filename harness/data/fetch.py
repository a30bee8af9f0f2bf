"""Fetch datasets: several files at a time; existing files are kept."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from harness.data.download import FetchError, Transfer, UnreachableError
from harness.data.sources import GITHUB, Source
from harness.errors import ConfigError, DataError
from harness.system.files import sha256_of

LOCK = ".fetch.lock"
STAGE = ".fetch"
"""Folder below the data folder for what is not verified yet."""


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
        return sha256_of(path) == source.sha256
    except OSError:
        return False


def fetch(
    sources: Sequence[Source],
    root: Path,
    base_url: str = GITHUB,
    workers: int = 8,
    replace: bool = False,
    on_bytes: Callable[[int], None] = lambda _: None,
    retries: int = 3,
    timeout_s: float = 30.0,
) -> FetchReport:
    """Fetch files into ``root/DATASET/FILE``, each verified before it gets its name.

    May be interrupted at any moment and called again: files that are there are not fetched twice.

    Args:
        sources: what to fetch.
        root: the data folder; made if need be.
        base_url: a server of ``REPO/COMMIT/PATH``.
        workers: how many files at once.
        replace: also replace files that have other bytes than are pinned.
        on_bytes: told about bytes that are safe or on their way, from any thread; negative where
            an attempt failed.
        retries: after a fault that may pass, per file; pooch pauses 1, 2, 3, ... s.
        timeout_s: how long a server may send nothing, or less than 1 KiB/s.

    Raises:
        ConfigError: ``base_url`` is no web address.
        DataError: the folder cannot be written or leads elsewhere by a symbolic link, the disk is
            full, another fetch uses the folder, or the server cannot be reached at all.
    """
    _check_address(base_url)
    try:
        root.mkdir(parents=True, exist_ok=True)
        _refuse_links([root / LOCK, root / STAGE])
        with FileLock(root / LOCK, timeout=0):
            report = FetchReport()
            missing = _missing(sources, root, replace, report, on_bytes)
            for folder in {target_of(source, root).parent for source in missing}:
                _refuse_links([folder])
                folder.mkdir(exist_ok=True)
            stop = Event()
            with _stage(root / STAGE) as stage:
                get = _Getter(root, stage, base_url, replace, on_bytes, retries, timeout_s, stop)
                pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="fetch")
                try:
                    _collect({pool.submit(get, source): source for source in missing}, report)
                finally:
                    # On an error or Ctrl-C, what has not begun is dropped and what is under way
                    # breaks off.
                    stop.set()
                    pool.shutdown(wait=True, cancel_futures=True)
            return report
    except Timeout:
        raise DataError(f"another fetch is writing into {root}; wait until it is done") from None
    except OSError as error:
        raise DataError(
            f"cannot write into {root}: {error.strerror or error}. What was fetched before is "
            "intact; the same command goes on from there."
        ) from error


def _check_address(base_url: str) -> None:
    try:
        parts = urlsplit(base_url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not base_url.isprintable() or " " in base_url:
        raise ConfigError(f"{base_url!r} is no web address such as {GITHUB}")


def _refuse_links(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.is_symlink():
            raise DataError(
                f"{path} is a symbolic link, and fetch writes through none: remove it, or pass the "
                "folder that it leads to as --data-root"
            )


@contextmanager
def _stage(path: Path) -> Iterator[Path]:
    """An empty folder of ours for what is not verified; a killed fetch's is cleared."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _missing(
    sources: Sequence[Source],
    root: Path,
    replace: bool,
    report: FetchReport,
    on_bytes: Callable[[int], None],
) -> list[Source]:
    missing = []
    for source in sources:
        target = target_of(source, root)
        if same_bytes(source, target):
            report.present.append(source)
            on_bytes(source.bytes)
        elif os.path.lexists(target) and not replace:
            report.kept.append(source)
        else:
            missing.append(source)
    return missing


@dataclass(frozen=True)
class _Getter:
    """Fetches a source with pooch into the stage, and moves it to its place."""

    root: Path
    stage: Path
    base_url: str
    replace: bool
    on_bytes: Callable[[int], None]
    retries: int
    timeout_s: float
    stop: Event

    def __call__(self, source: Source) -> None:
        """Fetch one.

        Raises:
            FetchError: it could not be had; nothing is left behind.
            OSError: the disk is full or not writable.
        """
        import pooch

        pooch.get_logger().setLevel("ERROR")
        url, target = source.url(self.base_url), target_of(source, self.root)
        name = f"{source.dataset}+{source.file}"
        store = pooch.Pooch(
            self.stage,
            base_url="",
            registry={name: f"sha256:{source.sha256}"},
            urls={name: url},
            retry_if_failed=self.retries,
        )
        transfer = Transfer(source, self.timeout_s, self.on_bytes, self.stop)
        try:
            verified = Path(store.fetch(name, downloader=transfer))
            # pooch's temporary files are private to their owner; data are for sharing. The stage
            # was made under the user's umask.
            verified.chmod(self.stage.stat().st_mode & 0o666)
            if os.path.lexists(target) and not self.replace:
                raise FetchError(f"{target} appeared during the transfer and may be yours")
            if target.is_dir() and not target.is_symlink():
                raise FetchError(f"{target} is a folder")
            verified.replace(target)
        except (FetchError, OSError):
            transfer.undo_progress()
            raise
        except ValueError:
            transfer.undo_progress()
            raise FetchError(
                f"{url} sends other bytes than are pinned by SHA-256 {source.sha256[:16]}..."
            ) from None


def _collect(futures: dict[Future[None], Source], report: FetchReport) -> None:
    pending = set(futures)
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            try:
                future.result()
            except UnreachableError as error:
                raise DataError(
                    f"{error}. Check the connection, or give `harness data fetch` a mirror with "
                    "--base-url; the same command goes on from here."
                ) from error
            except FetchError as error:
                report.failed.append((futures[future], str(error)))
            else:
                report.fetched.append(futures[future])
