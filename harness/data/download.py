"""Downloading one file for pooch: bounded in bytes and time, with errors as sentences."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any

from harness.data.sources import Source
from harness.errors import HarnessError
from harness.system.text import printable

TRANSIENT_STATUS = (408, 425, 429, 500, 502, 503, 504)
CHUNK_BYTES = 1 << 10
"""Small, so that the progress of a slow transfer is seen."""
SLOWEST_BYTES_PER_S = 1024
POLL_S = 0.05


class FetchError(HarnessError):
    """A file could not be fetched, and trying again would not help. The message is one sentence."""


class TransientError(FetchError, ValueError):
    """A transient fault: pooch tries again after a ValueError."""


class UnreachableError(TransientError):
    """The server did not answer at all, so other files will fare no better."""


class Transfer:
    """A downloader for :class:`pooch.Pooch`, for one source.

    Args:
        source: what is fetched.
        timeout_s: without a byte, or with fewer than 1 KiB for each of its seconds; a transfer
            is then given up.
        on_bytes: told about progress; a negative number takes back what a failed attempt got.
        stop: ends it when set.
    """

    def __init__(
        self, source: Source, timeout_s: float, on_bytes: Callable[[int], None], stop: Event
    ) -> None:
        self.source, self.timeout_s, self.stop = source, timeout_s, stop
        self.on_bytes = on_bytes
        self.size = 0
        self.disk_error: OSError | None = None

    def __call__(self, url: str, output_file: str, _: object) -> None:
        """Write ``output_file``.

        Raises:
            FetchError: in one sentence; a TransientError where another attempt may fare better.
            OSError: the disk is full or not writable.
        """
        self.undo_progress()
        with Path(output_file).open("wb") as file:
            fault = self._bounded(url, _Limited(file, self))
        if self.disk_error is not None:
            raise self.disk_error
        if fault is not None:
            raise fault if isinstance(fault, FetchError) else _translate(url, fault) from fault
        if self.size < self.source.bytes:
            raise TransientError(
                f"{url} sent {self.size:,} of the pinned {self.source.bytes:,} bytes"
            )

    def undo_progress(self) -> None:
        """Undo the progress that was reported for an attempt that became no file."""
        self.on_bytes(-self.size)
        self.size = 0

    def _bounded(self, url: str, file: "_Limited") -> Exception | None:
        """Transfer in a thread that can be abandoned: the server decides how long it takes."""
        # pooch imports it at its first transfer; the timeout should not count that.
        import requests  # noqa: F401

        faults: list[Exception] = []
        thread = Thread(target=self._run, args=(url, file, faults), daemon=True)
        thread.start()
        since, size = time.monotonic(), 0
        while thread.is_alive():
            thread.join(POLL_S)
            if self.stop.is_set():
                file.closed = True
                return FetchError("stopped")
            if time.monotonic() - since > self.timeout_s:
                if self.size - size < SLOWEST_BYTES_PER_S * self.timeout_s and thread.is_alive():
                    file.closed = True
                    span = f"{self.timeout_s:g} s"
                    if not self.size:
                        return UnreachableError(
                            f"{url} does not answer: less than 1 KiB came in {span}"
                        )
                    return FetchError(f"{url} is too slow: {self.size - size:,} bytes in {span}")
                since, size = time.monotonic(), self.size
        return faults[0] if faults else None

    def _run(self, url: str, file: "_Limited", faults: list[Exception]) -> None:
        import pooch

        # A server that compresses would make the number of bytes and the progress wrong.
        get: Any = pooch.HTTPDownloader(
            chunk_size=CHUNK_BYTES,
            timeout=self.timeout_s,
            headers={"Accept-Encoding": "identity"},
        )
        try:
            get(url, file, None)
        # Whatever a hostile answer makes requests, urllib3, http.client, ssl or zlib raise.
        except Exception as fault:
            faults.append(fault)


class _Limited:
    """A file that takes no more bytes than the source has, and none once it was given up."""

    def __init__(self, file: IO[bytes], transfer: Transfer) -> None:
        self.file, self.transfer, self.closed = file, transfer, False

    def write(self, chunk: bytes) -> None:
        transfer = self.transfer
        if self.closed:
            raise FetchError("stopped")
        if transfer.size + len(chunk) > transfer.source.bytes:
            raise TransientError(
                f"{transfer.source.file}: the server sends more than the pinned "
                f"{transfer.source.bytes:,} bytes"
            )
        try:
            self.file.write(chunk)
        except OSError as error:
            transfer.disk_error = error
            raise
        transfer.size += len(chunk)
        transfer.on_bytes(len(chunk))

    def flush(self) -> None:
        """Nothing: the downloader calls it after every chunk, and the file is closed in time."""


def _translate(url: str, error: Exception) -> FetchError:
    from requests import exceptions as http

    response = getattr(error, "response", None)
    if isinstance(error, http.HTTPError) and response is not None:
        kind = TransientError if response.status_code in TRANSIENT_STATUS else FetchError
        return kind(f"{url} answers {response.status_code} {printable(response.reason)}".rstrip())
    if isinstance(error, http.TooManyRedirects):
        return FetchError(f"{url} redirects in a circle")
    if isinstance(error, http.ChunkedEncodingError):
        return TransientError(f"{url} was cut off: {_reason(error)}")
    if isinstance(error, http.InvalidSchema | http.InvalidURL | http.MissingSchema):
        return FetchError(f"{url} redirects to what is no web address: {_reason(error)}")
    if isinstance(error, http.ConnectionError | http.Timeout):
        return UnreachableError(f"{url} does not answer: {_reason(error)}")
    return TransientError(f"{url} could not be read: {_reason(error)}")


def _reason(error: Exception) -> str:
    """The innermost cause in a few words; requests wraps it in several layers of repr."""
    cause: BaseException = error
    seen = {id(cause)}
    while (inner := cause.__cause__ or cause.__context__) is not None and id(inner) not in seen:
        cause = inner
        seen.add(id(cause))
    text = ""
    with suppress(Exception):  # Some exceptions of urllib3 cannot be made into text.
        text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return printable(text)[:200] or type(cause).__name__
