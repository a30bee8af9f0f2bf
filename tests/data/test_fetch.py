"""Fetching from a loopback server that misbehaves: never a wrong file, retries where they help."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
from click.testing import CliRunner

from harness.commands.data import command
from harness.data.fetch import fetch, target_of
from harness.data.sources import Source, all_sources, fetchable, parse_sources, sources_of
from harness.errors import ConfigError, DataError
from variants.errors import UnknownNameError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
QUICK: Any = {"timeout_s": 0.9}


OK = b"HTTP/1.1 200 OK\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
BAD_ANSWERS = {
    "length letters": OK + b"Content-Length: many\r\n\r\nBODY",
    "length negative": OK + b"Content-Length: -5\r\n\r\nBODY",
    "length huge": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nBODY",
    "length twice": OK + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nBODY",
    "length short": OK + b"Content-Length: 3\r\n\r\nBODY",
    "length long": OK + b"Content-Length: 99999999\r\n\r\nBODY",
    "chunk letters": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nBODY\r\n0\r\n\r\n",
    "chunk negative": OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nBODY\r\n0\r\n\r\n",
    "chunk cut": OK + b"Transfer-Encoding: chunked\r\n\r\nffffff\r\nBODY",
    "chunk none": OK + b"Transfer-Encoding: chunked\r\n\r\n",
    "gzip that is none": OK + b"Content-Encoding: gzip\r\n\r\nBODY",
    "zstd that is none": OK + b"Content-Encoding: zstd\r\n\r\nBODY",
    "deflate that is none": OK + b"Content-Encoding: deflate, gzip, br\r\n\r\nBODY",
    "unknown encoding": OK + b"Content-Encoding: x\xff\r\n\r\n",
    "no status": b"BODY",
    "nothing": b"",
    "status letters": b"HTTP/1.1 abc OK\r\n\r\nBODY",
    "status 999": b"HTTP/1.1 999 \x1b[2J\r\nContent-Length: 0\r\n\r\n",
    "status 204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "status 206": b"HTTP/1.1 206 Partial\r\nContent-Length: 3\r\n\r\nabc",
    "status 304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "long header": OK + b"X: " + b"x" * 70_000 + b"\r\n\r\nBODY",
    "many headers": OK + b"X: y\r\n" * 200 + b"\r\nBODY",
    "bad header": OK + b"\xff\xfe no colon\r\nBODY",
    "to a file": MOVED + b"file:///etc/passwd\r\n\r\n",
    "to ftp": MOVED + b"ftp://127.0.0.1/x\r\n\r\n",
    "to no host": MOVED + b"http:///x\r\n\r\n",
    "to a bad port": MOVED + b"http://127.0.0.1:99999999/x\r\n\r\n",
    "to a bad IPv6": MOVED + b"http://[::1/x\r\n\r\n",
    "to a long label": MOVED + b"http://" + b"a" * 300 + b".invalid/x\r\n\r\n",
    "to a bad label": MOVED + b"http://.x..y/\r\n\r\n",
    "to bytes": MOVED + b"\xff\xfe\x80\r\n\r\n",
    "to nothing": MOVED + b"\r\n\r\n",
}


class Mirror(ThreadingHTTPServer):
    """Serves ``files`` and misbehaves: ``faults[path]`` lists what its next answers are."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = {}
        self.requests: Counter[str] = Counter()
        self.delay_s = 0.0
        self.hold_after: int | None = None
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""

    def add(self, dataset: str, file: str, content: bytes, *faults: str) -> Source:
        source = Source(
            dataset=dataset,
            file=file,
            repo="owner/repo",
            commit=COMMIT,
            path=f"some folder/{file}",
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
        )
        path = source.url("")
        self.files[path] = content
        self.faults[path] = list(faults)
        return source


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.requests[path] += 1
        time.sleep(self.server.delay_s)
        held = self.server.hold_after
        if held is not None and sum(self.server.requests.values()) > held:
            self.server.released.wait(60)
        faults = self.server.faults.get(path, [])
        fault = (faults.pop(0) if len(faults) > 1 else faults[0]) if faults else "ok"
        content = self.server.files.get(path)
        if content is None or fault == "404":
            self.send_error(404)
        elif fault in ("403", "500", "503"):
            self.send_response(int(fault))
            self.send_header("Retry-After", "3600")
            self.end_headers()
        elif fault == "redirect":
            self.send_response(302)
            self.send_header("Location", f"{path}?again")
            self.end_headers()
        elif fault == "circle":
            self.send_response(302)
            self.send_header("Location", path)
            self.end_headers()
        elif fault == "silence":
            time.sleep(1.0)
        elif fault in BAD_ANSWERS:
            self.wfile.write(BAD_ANSWERS[fault].replace(b"BODY", content))
            self.close_connection = True
        elif fault.startswith("drip"):
            self._drip(content, fault)
        else:
            self._send(content, fault)

    def _drip(self, content: bytes, fault: str) -> None:
        """A byte now and then, of the headers or of the body."""
        head = b"HTTP/1.1 200 OK\r\nX: "
        if fault == "drip body":
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content[:1100]
        self.wfile.write(head)
        with suppress(OSError):
            for _ in range(200):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        self.close_connection = True

    def _send(self, content: bytes, fault: str) -> None:
        body = {
            "wrong": bytes(len(content)),
            "long": content + b"!",
            "endless": content * 400,
            "page": b"<html>Sign in</html>",
        }.get(fault, content)
        self.send_response(200)
        if fault not in ("cut without length", "endless"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault.startswith("cut") else body)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between attempts, pooch sleeps for 1, 2, 3, ... s."""
    real = time.sleep
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=lambda _: real(0.01)))


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Mirror()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def files_under(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != ".fetch.lock"
    }


TRANSIENT = {
    "ok": 1,
    "redirect": 2,
    "503": 2,
    "500": 2,
    "cut": 2,
    "cut without length": 2,
    "wrong": 2,
    "long": 2,
    "page": 2,
    "endless": 2,
    "silence": 2,
}


@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_transient_fault(mirror: Mirror, tmp_path: Path, fault: str) -> None:
    content = os.urandom(200_000)
    source = mirror.add("Set5", "a.png", content, fault, "ok")
    progress: list[int] = []
    report = fetch([source], tmp_path, mirror.url, **QUICK, on_bytes=progress.append)
    assert report.fetched == [source]
    assert report.complete
    assert files_under(tmp_path) == {"Set5/a.png": content}
    assert sum(mirror.requests.values()) == TRANSIENT[fault]
    assert sum(progress) == len(content)


LASTING = {
    "404": (1, "answers 404"),
    "403": (1, "answers 403"),
    "503": (4, "answers 503"),
    "cut": (4, "was cut off: "),
    "cut without length": (4, "sent 100,000 of the pinned 200,000 bytes"),
    "wrong": (4, "other bytes than are pinned"),
    "page": (4, "sent 20 of the pinned 200,000 bytes"),
    "long": (4, "more than the pinned 200,000 bytes"),
    "endless": (4, "more than the pinned 200,000 bytes"),
    "drip body": (1, "is too slow: "),
    "circle": (31, "redirects in a circle"),
}


@pytest.mark.parametrize("fault", LASTING)
def test_a_lasting_fault(mirror: Mirror, tmp_path: Path, fault: str) -> None:
    bad = mirror.add("Set5", "bad.png", bytes(range(200)) * 1000, fault)
    good = mirror.add("Set5", "good.png", b"good")
    progress: list[int] = []
    report = fetch([bad, good], tmp_path, mirror.url, **QUICK, on_bytes=progress.append)
    attempts, message = LASTING[fault]
    assert report.fetched == [good]
    assert [source for source, _ in report.failed] == [bad]
    assert message in report.failed[0][1]
    assert files_under(tmp_path) == {"Set5/good.png": b"good"}
    assert mirror.requests[bad.url("")] == attempts
    assert sum(progress) == 4


def test_endless_headers_are_refused(mirror: Mirror, tmp_path: Path) -> None:
    source = mirror.add("Set5", "a.png", b"upstream", "drip headers")
    with pytest.raises(DataError, match=r"does not answer: .*--base-url"):
        fetch([source], tmp_path, mirror.url, retries=1, **QUICK)
    assert sum(mirror.requests.values()) == 2


@pytest.mark.parametrize("fault", BAD_ANSWERS)
def test_an_invalid_answer_is_one_sentence(mirror: Mirror, tmp_path: Path, fault: str) -> None:
    bad = mirror.add("Set5", "bad.png", bytes(range(200)) * 50, fault)
    progress: list[int] = []
    try:
        report = fetch([bad], tmp_path, mirror.url, retries=1, on_bytes=progress.append, **QUICK)
    except DataError as error:
        reason = str(error)
    else:
        # A wrong length before the right bytes does no harm: they are verified.
        reason = report.failed[0][1] if report.failed else ""
        assert bool(reason) != bool(report.fetched)
        assert sum(progress) == (bad.bytes if report.fetched else 0)
    assert reason.isprintable()
    assert len(reason) < 500
    assert "Traceback" not in reason
    expected = {} if reason else {"Set5/bad.png": bytes(range(200)) * 50}
    assert files_under(tmp_path) == expected
    assert not (tmp_path / ".fetch").exists()


def test_a_redirect_to_another_host_is_followed(mirror: Mirror, tmp_path: Path) -> None:
    source = mirror.add("Set5", "a.png", b"upstream")
    moved = MOVED + f"{mirror.url}{source.url('')}?again\r\n\r\n".encode()
    BAD_ANSWERS["elsewhere"] = moved
    mirror.faults[source.url("")] = ["elsewhere", "ok"]
    try:
        url = mirror.url.replace("127.0.0.1", "localhost")
        assert fetch([source], tmp_path, url, **QUICK).complete
    finally:
        del BAD_ANSWERS["elsewhere"]


def test_an_unreachable_server_ends_the_fetch(tmp_path: Path) -> None:
    sources = [replace(all_sources()[0], file=f"{n}.png") for n in range(50)]
    started = time.monotonic()
    with pytest.raises(DataError, match=r"does not answer: .*--base-url"):
        fetch(sources, tmp_path, "http://127.0.0.1:9", **QUICK, workers=2)
    assert time.monotonic() - started < 10
    assert files_under(tmp_path) == {}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ftp://host/x",
        "file:///etc",
        "/some/folder",
        "http:///x",
        "host",
        "http://[::1",
        "http://host:port/",
        "http://host:99999999/",
        "http://ho st/",
        "http://host/\x1b",
    ],
)
def test_an_invalid_base_url_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="no web address"):
        fetch([], tmp_path, address)


def test_what_is_there_is_not_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    sources = [mirror.add("Set5", f"{n}.png", os.urandom(1000)) for n in range(10)]
    first = fetch(sources[:6], tmp_path, mirror.url)
    assert len(first.fetched) == 6
    second = fetch(sources, tmp_path, mirror.url)
    assert second.present == sources[:6]
    assert sorted(s.file for s in second.fetched) == ["6.png", "7.png", "8.png", "9.png"]
    assert set(mirror.requests.values()) == {1}


def test_another_file_of_that_name_is_kept_unless_it_may_go(mirror: Mirror, tmp_path: Path) -> None:
    source = mirror.add("Set5", "a.png", b"upstream")
    (tmp_path / "Set5").mkdir()
    (tmp_path / "Set5" / "a.png").write_bytes(b"mine")
    report = fetch([source], tmp_path, mirror.url)
    assert report.kept == [source]
    assert not report.complete
    assert files_under(tmp_path) == {"Set5/a.png": b"mine"}
    assert fetch([source], tmp_path, mirror.url, replace=True).fetched == [source]
    assert files_under(tmp_path) == {"Set5/a.png": b"upstream"}


def test_a_failed_replacement_keeps_the_old_file(mirror: Mirror, tmp_path: Path) -> None:
    source = mirror.add("Set5", "a.png", b"upstream", "wrong")
    (tmp_path / "Set5").mkdir()
    (tmp_path / "Set5" / "a.png").write_bytes(b"mine")
    assert fetch([source], tmp_path, mirror.url, replace=True, **QUICK).failed
    assert files_under(tmp_path) == {"Set5/a.png": b"mine"}


def test_what_a_killed_fetch_left_is_cleared(mirror: Mirror, tmp_path: Path) -> None:
    source = mirror.add("Set5", "a.png", b"upstream")
    (tmp_path / ".fetch").mkdir()
    (tmp_path / ".fetch" / "tmp123").write_bytes(b"up")
    fetch([source], tmp_path, mirror.url)
    assert files_under(tmp_path) == {"Set5/a.png": b"upstream"}


@pytest.mark.parametrize("place", [".fetch.lock", ".fetch", "Set5", "Set5/a.png"])
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_planted_link_is_never_written_through(
    mirror: Mirror, tmp_path: Path, place: str, replace: bool, dangling: bool
) -> None:
    source = mirror.add("Set5", "a.png", b"upstream")
    victim, root = tmp_path / "victim", tmp_path / "data"
    link = root / place
    if not dangling:
        if place in (".fetch", "Set5"):
            victim.mkdir()
            (victim / "mine").write_bytes(b"mine")
        else:
            victim.write_bytes(b"mine")
    link.parent.mkdir(parents=True)
    link.symlink_to(victim)
    try:
        report = fetch([source], root, mirror.url, replace=replace)
    except DataError as error:
        said = str(error)
    else:
        said = ""
    if place != "Set5/a.png":
        assert "is a symbolic link, and fetch writes through none" in said
        assert link.is_symlink()
    else:
        assert report.complete == replace
        assert link.is_symlink() != replace
    if dangling:
        assert not victim.exists()
    else:
        assert (victim / "mine" if victim.is_dir() else victim).read_bytes() == b"mine"
        assert victim.is_file() or len(list(victim.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_have_the_mode_that_the_user_wishes(
    mirror: Mirror, tmp_path: Path, mask: int
) -> None:
    source = mirror.add("Set5", "a.png", b"upstream")
    before = os.umask(mask)
    try:
        fetch([source], tmp_path, mirror.url)
    finally:
        os.umask(before)
    assert target_of(source, tmp_path).stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_folder_in_a_files_place_is_kept(mirror: Mirror, tmp_path: Path) -> None:
    source, other = (mirror.add("Set5", name, b"upstream") for name in ("a.png", "b.png"))
    (tmp_path / "Set5" / "a.png").mkdir(parents=True)
    assert fetch([source], tmp_path, mirror.url).kept == [source]
    report = fetch([source, other], tmp_path, mirror.url, replace=True)
    assert report.fetched == [other]
    assert "is a folder" in report.failed[0][1]


def test_a_file_that_appears_during_the_transfer_is_kept(mirror: Mirror, tmp_path: Path) -> None:
    source = mirror.add("Set5", "a.png", b"upstream")

    def on_bytes(_: int) -> None:
        (tmp_path / "Set5" / "a.png").write_bytes(b"mine")

    report = fetch([source], tmp_path, mirror.url, on_bytes=on_bytes)
    assert "may be yours" in report.failed[0][1]
    assert files_under(tmp_path) == {"Set5/a.png": b"mine"}


SCRIPT = """
import sys
from pathlib import Path
from harness.data.fetch import fetch
from harness.data.sources import parse_sources
sources = parse_sources(Path(sys.argv[1]).read_text().splitlines())
print("started", flush=True)
fetch(sources, Path(sys.argv[2]), sys.argv[3], workers=4)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_and_resumed(mirror: Mirror, tmp_path: Path, how: signal.Signals) -> None:
    mirror.hold_after = 20  # However slow this machine is, the fetch cannot finish unnoticed.
    sources = [mirror.add("Set5", f"{n}.png", os.urandom(50_000)) for n in range(60)]
    listing, root = tmp_path / "sources.csv", tmp_path / "data"
    header = "dataset,file,repo,commit,path,sha256,bytes"
    rows = [
        ",".join(map(str, (s.dataset, s.file, s.repo, s.commit, s.path, s.sha256, s.bytes)))
        for s in sources
    ]
    listing.write_text("\n".join([header, *rows]))
    command = [sys.executable, "-c", SCRIPT, str(listing), str(root), mirror.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while sum(mirror.requests.values()) < 20:
            time.sleep(0.01)
        process.send_signal(how)
        mirror.released.set()
    assert process.returncode != 0
    complete = {s.file for s in sources if target_of(s, root).exists()}
    assert 0 < len(complete) < 60
    for source in sources:
        if source.file in complete:
            digest = hashlib.sha256(target_of(source, root).read_bytes()).hexdigest()
            assert digest == source.sha256
    report = fetch(sources, root, mirror.url)
    assert {s.file for s in report.present} == complete
    assert len(report.fetched) == 60 - len(complete)
    assert set(files_under(root)) == {f"Set5/{n}.png" for n in range(60)}


def test_two_at_once_are_refused(mirror: Mirror, tmp_path: Path) -> None:
    mirror.delay_s = 0.5
    source = mirror.add("Set5", "a.png", b"upstream")
    thread = threading.Thread(target=fetch, args=([source], tmp_path, mirror.url))
    thread.start()
    while not mirror.requests:
        time.sleep(0.01)
    with pytest.raises(DataError, match="another fetch"):
        fetch([source], tmp_path, mirror.url)
    thread.join()
    assert files_under(tmp_path) == {"Set5/a.png": b"upstream"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder(mirror: Mirror, tmp_path: Path) -> None:
    source = mirror.add("Set5", "a.png", b"upstream")
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="cannot write into"):
        fetch([source], tmp_path, mirror.url)


def test_a_file_where_a_folder_should_be(mirror: Mirror, tmp_path: Path) -> None:
    source = mirror.add("Set5", "a.png", b"upstream")
    (tmp_path / "Set5").write_text("x")
    with pytest.raises(DataError, match="cannot write into"):
        fetch([source], tmp_path, mirror.url)


def test_a_full_disk_leaves_nothing(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = mirror.add("Set5", "a.png", os.urandom(300_000))
    attempts: list[IO[bytes]] = []

    def full(self: object, file: IO[bytes], transfer: object) -> None:
        vars(self).update(file=device, transfer=transfer, closed=False)
        attempts.append(file)

    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    monkeypatch.setattr("harness.data.download._Limited.__init__", full)
    with (
        Path("/dev/full").open("wb", 0) as device,
        pytest.raises(DataError, match="No space left"),
    ):
        fetch([source], tmp_path, mirror.url)
    assert len(attempts) == 1  # A full disk is not tried again.
    assert files_under(tmp_path) == {}


GOOD_ROW = {
    "dataset": "Set5",
    "file": "a.png",
    "repo": "owner/repo",
    "commit": COMMIT,
    "path": "x/a.png",
    "sha256": "0" * 64,
    "bytes": "5",
}


def listing(**changes: str) -> list[str]:
    row = {**GOOD_ROW, **changes}
    return [",".join(row), ",".join(row.values())]


def test_a_good_listing_is_read() -> None:
    (source,) = parse_sources(listing(path="some folder/ä.png"))
    assert source.url("http://m/") == f"http://m/owner/repo/{COMMIT}/some%20folder/%C3%A4.png"


@pytest.mark.parametrize(
    "changes",
    [
        {"file": "../a.png"},
        {"file": "/etc/passwd"},
        {"file": ".."},
        {"file": ".hidden"},
        {"file": "sub/a.png"},
        {"file": "c:\\a.png"},
        {"file": ""},
        {"dataset": ".."},
        {"dataset": "a/b"},
        {"path": "/x"},
        {"path": "a/../../b"},
        {"path": ".."},
        {"repo": "repo"},
        {"repo": "a/b/c"},
        {"commit": "main"},
        {"sha256": "0"},
        {"bytes": "-1"},
        {"bytes": "0"},
        {"bytes": "many"},
    ],
    ids=str,
)
def test_a_bad_listing_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(DataError, match=f"line 2 of the sources: bad {next(iter(changes))}"):
        parse_sources(listing(**changes))


def test_a_file_listed_twice_is_refused() -> None:
    with pytest.raises(DataError, match="listed twice"):
        parse_sources([*listing(), listing(file="A.png")[1]])


def test_the_sources_that_ship() -> None:
    counts = Counter(source.dataset for source in all_sources())
    assert counts == {
        "Set5": 5,
        "Set14": 14,
        "BSDS100": 100,
        "Urban100": 100,
        "T91": 91,
        "BSDS200": 200,
        "weights": 9,
    }
    assert fetchable() == list(counts)


def test_names_of_sources() -> None:
    assert len(sources_of("b100")) == 100
    assert len(sources_of("WEIGHTS")) == 9
    with pytest.raises(DataError, match=r"Manga109 cannot be fetched.*manga109\.org"):
        sources_of("manga109")
    with pytest.raises(DataError, match="they come with scikit-image"):
        sources_of("embedded")
    with pytest.raises(UnknownNameError, match="Did you mean weights"):
        sources_of("weigths")


DATA = os.environ.get("HARNESS_DATA")


@pytest.mark.slow
@pytest.mark.skipif(not DATA, reason="HARNESS_DATA is not set")
def test_the_real_files_come_through(mirror: Mirror, tmp_path: Path) -> None:
    """Every pinned file whose upstream bytes are at hand, interrupted once and verified."""
    assert DATA is not None
    at_hand = []
    for source in all_sources():
        path = target_of(source, Path(DATA))
        if path.exists() and path.stat().st_size == source.bytes:
            mirror.files[source.url("")] = path.read_bytes()
            at_hand.append(source)
    assert len(at_hand) >= 5
    fetch(at_hand[::2], tmp_path, mirror.url)
    report = fetch(at_hand, tmp_path, mirror.url)
    assert len(report.present) == len(at_hand[::2])
    assert report.complete
    for source in at_hand:
        digest = hashlib.sha256(target_of(source, tmp_path).read_bytes()).hexdigest()
        assert digest == source.sha256


def test_the_command_tells_briefly_what_failed(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [mirror.add("Set5", f"{n}.png", b"x", "404" if n else "ok") for n in range(9)]
    monkeypatch.setattr("harness.data.sources.all_sources", lambda: tuple(sources))
    (tmp_path / "Set5").mkdir()
    (tmp_path / "Set5" / "8.png").write_bytes(b"mine")
    options = ["fetch", "set5", "--data-root", str(tmp_path), "--base-url", mirror.url]
    result = CliRunner().invoke(command, options, standalone_mode=False)
    assert result.return_value == 1
    assert "Set5: 1 of 9 files in" in result.output
    assert result.output.count("answers 404") == 3
    assert "7 of 9 files failed; the same command tries these again" in result.output
    assert "Kept: 1 file differs" in result.output
    assert (tmp_path / "Set5" / "8.png").read_bytes() == b"mine"


def test_the_command_says_how_to_use_it_and_what_is_in_the_way(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [mirror.add("Set5", f"{n}.png", b"x") for n in range(5)]
    monkeypatch.setattr("harness.data.sources.all_sources", lambda: tuple(sources))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    options = ["fetch", "Set5", "--data-root", str(tmp_path), "--base-url", mirror.url]
    result = CliRunner().invoke(command, options, standalone_mode=False)
    assert result.return_value == 0
    assert f"export HARNESS_DATA={tmp_path}" in result.output
    assert "Note" not in result.output
    (tmp_path / "Set5" / "0.webp").write_bytes(b"mine")
    result = CliRunner().invoke(command, options, standalone_mode=False)
    assert "6 images (expected: 5) in" in result.output
    assert "other files lie there too" in result.output
