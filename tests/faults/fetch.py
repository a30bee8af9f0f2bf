"""Answers of a web server: damaged headers, bodies and redirects, some of them slow."""

import contextlib
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from harness.data.fetch import fetch
from harness.data.sources import Source
from tests.faults.base import Case, Rng, WrongError, mutated, opens

CONTENT = bytes(range(256)) * 8
COMMIT = "0" * 40
NUMBERS = (
    "",
    "-1",
    "0",
    "3",
    "1e3",
    "0x10",
    "9" * 30,
    "many",
    "\u0664",
    "2048, 2048",
    "2048;x",
    "+5",
)
PLACES = (
    "", "/", "//", "?", "#", ":", "http:", "http://", "http:///x", "http://[::1", "http://[x]/",
    "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://127.0.0.1:x/", "http://.x..y/",
    "http://" + "a" * 300 + "/", "http://\u2603:x/", "file:///etc/passwd", "ftp://x/",
    "data:,x", "javascript:1", "https://127.0.0.1:9/", "http://user:pass@127.0.0.1:9/", "\\\\x\\y",
    "http://127.0.0.1:9/", "%", "%zz", "http://%00/", "x" * 9000, "http://127.0.0.1 .x/",
)  # fmt: skip
ENCODINGS = ("gzip", "deflate", "br", "zstd", "identity", "x", "gzip, gzip", ", ", "chunked")
TRANSFERS = ("chunked", "chunked, chunked", "gzip", "identity", "x", "")


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` answers; every second one changes a sound answer by a few bytes."""
    rng = Rng(f"fetch {seed}")
    for _ in range(n):
        name, answer = _answer(rng)
        yield Case(name, _run(answer))


def _answer(rng: Rng) -> tuple[str, bytes]:
    status = rng.choice((200, 200, 200, 200, 302, 301, 307, 308, 204, 206, 304, 404, 416, 500, 503))
    headers = []
    if rng.random() < 0.5:
        headers.append(("Content-Length", rng.choice((*NUMBERS, str(len(CONTENT))))))
    if rng.random() < 0.3 or 300 < status < 309:
        headers.append(("Location", rng.choice(PLACES)))
    if rng.random() < 0.2:
        headers.append(("Content-Encoding", rng.choice(ENCODINGS)))
    if rng.random() < 0.3:
        headers.append(("Transfer-Encoding", rng.choice(TRANSFERS)))
    if rng.random() < 0.2:
        headers.append(("Retry-After", rng.choice((*NUMBERS, "Wed, 21 Oct 2026 07:28:00 GMT"))))
    rng.shuffle(headers)
    body = CONTENT
    if any("chunked" in value for _, value in headers):
        size = rng.choice((f"{len(CONTENT):x}", *NUMBERS, "fffffff"))
        body = size.encode() + b"\r\n" + CONTENT + b"\r\n0\r\n\r\n"
    head = f"HTTP/1.1 {status} Some\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers) + "\r\n"
    answer = head.encode() + body
    name = f"{status} {ascii(headers)[:100]}"
    if rng.random() < 0.5:
        how, damaged = mutated(rng, answer[: len(head) + 40])
        return f"{name} {how}", damaged + answer[len(head) + 40 :]
    return name, answer


def _run(answer: bytes) -> Callable[[Path], bool]:
    def run(folder: Path) -> bool:
        digest = hashlib.sha256(CONTENT).hexdigest()
        source = Source("Set5", "a.png", "owner/repo", COMMIT, "a.png", digest, len(CONTENT))
        progress: list[int] = []
        with _server(answer) as url, patch("pooch.core.time", SimpleNamespace(sleep=lambda _: 0)):
            reports = []

            def door() -> None:
                reports.append(
                    fetch([source], folder, url, retries=1, timeout_s=1.0, on_bytes=progress.append)
                )

            opens(door)
        found = {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        found.pop(".fetch.lock", None)
        fine = bool(reports and reports[0].fetched)
        if found != ({"a.png": CONTENT} if fine else {}):
            raise WrongError(f"files left: {list(found)}")
        if sum(progress) != (len(CONTENT) if fine else 0):
            raise WrongError(f"{sum(progress)} bytes were counted")
        for _, reason in reports[0].failed if reports else []:
            if not reason.isprintable():
                raise WrongError(f"said {reason!r}")
        return fine

    return run


@contextlib.contextmanager
def _server(answer: bytes) -> Iterator[str]:
    """Sends the same bytes to whoever asks, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, answer), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _serve(listening: socket.socket, answer: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection = listening.accept()[0]
            with connection, contextlib.suppress(OSError):
                connection.settimeout(2)
                connection.recv(65536)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(0.05)
                connection.recv(1)
