"""One file from a web server: verified before it gets its name, retried where that helps."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from harness.data.sources import Source
from harness.errors import HarnessError

if TYPE_CHECKING:
    from requests import RequestException

PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504)
CHUNK_BYTES = 1 << 16


class FetchError(HarnessError):
    """A file could not be fetched; it is not on disk. The message is one sentence.

    Attributes:
        cure: what another attempt might meet: a fault that has passed (``"time"``), other bytes
            (``"luck"``), or nothing better (None).
        retry_after: what the server asked to wait, as it put it.
    """

    def __init__(
        self, message: str, cure: Literal["time", "luck"] | None = None, retry_after: str = ""
    ) -> None:
        super().__init__(message)
        self.cure, self.retry_after = cure, retry_after


class UnreachableError(FetchError):
    """The server did not answer at all, so other files will fare no better."""


@dataclass(frozen=True)
class Patience:
    """How hard to try.

    Attributes:
        attempts: per file, where the fault may pass (no answer, busy, cut off).
        wrong_bytes_attempts: per file, where the server sent other bytes than are pinned.
        first_pause_s: before the second attempt; it doubles with each further one.
        longest_pause_s: also bounds what a server's ``Retry-After`` asks for.
        timeout_s: without a byte.
    """

    attempts: int = 4
    wrong_bytes_attempts: int = 2
    first_pause_s: float = 0.5
    longest_pause_s: float = 20.0
    timeout_s: float = 30.0

    def pause(self, attempt: int, retry_after: str = "") -> float:
        """Seconds to wait after the failed attempt 1, 2, ..."""
        wished = float(retry_after) if retry_after.isdecimal() else 0.0
        return min(max(self.first_pause_s * 2.0 ** (attempt - 1), wished), self.longest_pause_s)

    def attempts_for(self, fault: FetchError) -> int:
        """How many attempts in all a fault of this kind is worth."""
        return {"time": self.attempts, "luck": self.wrong_bytes_attempts, None: 1}[fault.cure]


DEFAULT_PATIENCE = Patience()


class _TooLongError(Exception):
    """The server sends more than the file has."""


class _CheckedFile:
    """A file that hashes what is written, and stops at the number of bytes that it should get."""

    def __init__(self, file: IO[bytes], limit: int, on_bytes: Callable[[int], None]) -> None:
        self.file, self.limit, self.on_bytes = file, limit, on_bytes
        self.digest, self.size = hashlib.sha256(), 0

    def write(self, chunk: bytes) -> int:
        if self.size + len(chunk) > self.limit:
            raise _TooLongError
        self.size += len(chunk)
        self.digest.update(chunk)
        self.on_bytes(len(chunk))
        return self.file.write(chunk)

    def flush(self) -> None:
        """Nothing: the downloader calls it after every chunk, and the file is closed in time."""


def download(
    source: Source,
    target: Path,
    base_url: str,
    patience: Patience = DEFAULT_PATIENCE,
    on_bytes: Callable[[int], None] = lambda _: None,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Fetch a source into ``target``, which appears only when its size and SHA-256 are right.

    Args:
        source: what to fetch.
        target: in an existing folder; replaced if it exists.
        base_url: of a server of ``REPO/COMMIT/PATH``.
        patience: how hard to try.
        on_bytes: told about progress; a negative number takes back what a failed attempt got.
        sleep: pauses for that many seconds.

    Raises:
        FetchError: after the last attempt; nothing is left behind.
        OSError: the disk is full or not writable; nothing is left behind.
    """
    url = source.url(base_url)
    # One name per file, so that what a killed process leaves is overwritten by the next.
    partial = target.with_name(f".{target.name}.part")
    try:
        for attempt in count(1):
            try:
                _attempt(url, source, partial, patience.timeout_s, on_bytes)
            except FetchError as fault:
                if attempt >= patience.attempts_for(fault):
                    raise
                sleep(patience.pause(attempt, fault.retry_after))
            else:
                partial.replace(target)
                return
    finally:
        partial.unlink(missing_ok=True)


def _attempt(
    url: str,
    source: Source,
    partial: Path,
    timeout_s: float,
    on_bytes: Callable[[int], None],
) -> None:
    """Write ``partial`` and check it; FetchError if it is not what it should be."""
    import pooch
    from requests import RequestException

    fetch: Any = pooch.HTTPDownloader(chunk_size=CHUNK_BYTES, timeout=timeout_s)
    with partial.open("wb") as file:
        checked = _CheckedFile(file, source.bytes, on_bytes)
        try:
            fetch(url, checked, None)
            _check(url, source, checked)
        except _TooLongError:
            _take_back(checked)
            raise FetchError(
                f"{url} sends more than the pinned {source.bytes:,} bytes", cure="luck"
            ) from None
        except RequestException as error:
            _take_back(checked)
            raise _translate(url, source, checked.size, error) from error
        except FetchError:
            _take_back(checked)
            raise


def _take_back(checked: _CheckedFile) -> None:
    checked.on_bytes(-checked.size)


def _check(url: str, source: Source, checked: _CheckedFile) -> None:
    if checked.size < source.bytes:
        raise _cut_off(url, checked.size, source)
    if checked.digest.hexdigest() != source.sha256:
        raise FetchError(
            f"{url} sends other bytes than are pinned: SHA-256 {checked.digest.hexdigest()[:16]}"
            f"..., not {source.sha256[:16]}...",
            cure="luck",
        )


def _translate(url: str, source: Source, size: int, error: "RequestException") -> FetchError:
    from requests import exceptions as http

    response = error.response
    if isinstance(error, http.HTTPError) and response is not None:
        passing = response.status_code in PASSING_STATUS
        return FetchError(
            f"{url} answers {response.status_code} {response.reason}".rstrip(),
            cure="time" if passing else None,
            retry_after=response.headers.get("Retry-After", ""),
        )
    if isinstance(error, http.TooManyRedirects):
        return FetchError(f"{url} redirects in a circle")
    if isinstance(error, http.ChunkedEncodingError) or size:
        return _cut_off(url, size, source)
    if isinstance(error, http.ConnectionError | http.Timeout):
        return UnreachableError(f"{url} does not answer: {_reason(error)}", cure="time")
    return FetchError(f"{url} could not be read: {_reason(error)}")


def _cut_off(url: str, size: int, source: Source) -> FetchError:
    return FetchError(
        f"{url} was cut off after about {size:,} of {source.bytes:,} bytes", cure="time"
    )


def _reason(error: Exception) -> str:
    """The innermost cause in a few words; requests wraps it in several layers of repr."""
    cause: BaseException = error
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return text or type(cause).__name__
