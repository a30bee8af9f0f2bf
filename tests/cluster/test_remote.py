"""What an executor on other machines does with their answers; no machine is needed."""

import errno
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.jobs import executors, transport
from harness.jobs.base import Job, Record
from harness.jobs.cost.models import CostSpec
from harness.jobs.execute import Ending, Stopwatch, finished
from harness.jobs.executors import _remote, get_executor, list_executors
from harness.jobs.executors._remote import Flight, LostError, Remote
from harness.jobs.quality.kind import KIND as QUALITY
from harness.jobs.transport import (
    Answer,
    Failure,
    File,
    Lacking,
    Refusal,
    pack,
    perform,
    software,
)
from harness.networks import brought
from harness.system.cache import CACHE_VARIABLE
from harness.system.files import sha256_of
from tests.jobs.test_runner import cost_jobs
from variants.catalog import forget_variant


def done(job: Job) -> Record:
    from harness.jobs.cost.models import CostResult

    return finished(job, Stopwatch(), Ending("done", result=CostResult(params=1, macs=1)))


class Scripted(Remote):
    """Executes here; ``before`` may give another answer instead."""

    def __init__(self, before: Callable[[int], Answer | None] = lambda _: None) -> None:
        super().__init__()
        self.before, self.started = before, 0
        self.room = 1
        self.lines: list[str] = []
        self.tell = self.lines.append

    def slots(self, device: str) -> int:
        return self.room if not self.refused else 0

    def start(self, flight: Flight, parcels: bytes, handles: dict[str, Any]) -> Any:
        self.started += 1
        return self.started, parcels, tuple(handles.items()), flight.do

    def wait(self, tokens: Sequence[Any], timeout_s: float) -> list[Any]:
        return list(tokens)

    def answer(self, token: Any) -> Answer:
        number, parcels, handles, do = token
        fetch = {key: (lambda path=path: Path(path).read_bytes()) for key, path in handles}
        return self.before(number) or perform(software(), "n", parcels, fetch, do)

    def put(self, file: File) -> Any:
        return file.path


def run(executor: Remote, jobs: Sequence[Job[CostSpec]]) -> list[Record]:
    return [record for _, record in executor.completed(done, jobs, [])]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    return tmp_path / "cache"


def test_executors_are_found() -> None:
    assert list_executors() == ["local", "ray", "slurm"]
    with pytest.raises(HarnessError, match="it is local"):
        get_executor("local:4")


def test_a_package_that_is_missing_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "find_spec", lambda _: None)
    with pytest.raises(HarnessError, match=r"needs the package ray: pip install '.*\[ray\]'"):
        get_executor("ray:host:6379")


def test_every_job_comes_back_once() -> None:
    jobs = cost_jobs(5)
    assert {record.id for record in run(Scripted(), jobs)} == {job.id for job in jobs}


def test_a_lost_job_is_begun_again() -> None:
    def lost_twice(number: int) -> None:
        if number <= 2:
            raise LostError("the machine died")

    executor = Scripted(lost_twice)
    (record,) = run(executor, cost_jobs(1))
    assert record.status == "done"
    assert executor.started == 3
    assert executor.lines[0] == "Lost: cost v 1x: the machine died; it is begun again"


def test_a_job_that_is_always_lost_fails_alone() -> None:
    def lost(number: int) -> None:
        if number != 2:
            raise LostError("its process died")

    records = run(Scripted(lost), cost_jobs(2))
    assert sorted(record.status for record in records) == ["done", "failed"]
    (failed,) = (record for record in records if record.status == "failed")
    assert failed.reason is not None
    assert failed.reason.startswith("its process died, 4 times (out of memory?)")


def test_a_run_ends_when_no_machine_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_remote, "NOBODY_S", -1.0)
    executor = Scripted()
    executor.room = 0
    with pytest.raises(HarnessError, match="no machine takes the 2 jobs left: none is left"):
        run(executor, cost_jobs(2))


def test_a_machine_with_other_versions_is_refused_in_a_sentence() -> None:
    refused = perform({**software(), "torch": "1.0"}, "n", b"no pickle", {}, done)
    assert isinstance(refused, Refusal)
    assert refused.why.endswith("of torch than the 1.0 that this run was planned with")
    executor = Scripted(lambda _: refused)
    with pytest.raises(HarnessError, match="run the same command"):
        run(executor, cost_jobs(2))
    assert len(executor.lines) == 1


def test_other_code_of_ours_is_another_version() -> None:
    refused = perform({"cms-lapsrn-harness": "0" * 12}, "n", b"", {}, done)
    assert isinstance(refused, Refusal)
    assert refused.why.startswith("has other code of cms-lapsrn-harness than")


def test_latency_is_not_measured_on_another_processor() -> None:
    from harness.jobs.config import RunConfig
    from harness.jobs.plan import make_plan
    from harness.system.environment import this_machine

    config = RunConfig(variants=("bicubic",), scales=(2,), only=("latency",), device="cpu")
    elsewhere = replace(this_machine("cpu"), device_name="another processor")
    jobs = make_plan(config, elsewhere).jobs
    answer = perform(software(), "n", pickle.dumps([pack(job) for job in jobs]), {}, done)
    assert isinstance(answer, Refusal)
    assert answer.why.endswith("and latency is measured on another processor")


def test_what_takes_long_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Scripted):
        def wait(self, tokens: Sequence[Any], timeout_s: float) -> list[Any]:
            self.waited = getattr(self, "waited", 0) + 1
            return list(tokens) if self.waited > 3 else []

    monkeypatch.setattr(_remote, "LONG_S", -1.0)
    executor = Slow()
    assert len(run(executor, cost_jobs(1))) == 1
    (line,) = executor.lines
    assert line.startswith("Waiting: cost v 1x has been under way for 0 s")


def test_a_plug_in_that_fails_ends_the_run() -> None:
    with pytest.raises(HarnessError, match="it is broken"):
        run(Scripted(lambda _: Failure("it is broken")), cost_jobs(3))


def image_job(tmp_path: Path) -> Job:
    image, weights = tmp_path / "driver" / "a.png", tmp_path / "driver" / "w.safetensors"
    image.parent.mkdir()
    image.write_bytes(b"pixels")
    weights.write_bytes(b"numbers")
    (tmp_path / "driver" / "training.json").write_text("{}")
    protocol, dataset = {"name": "p"}, {"name": "photos"}
    spec = {
        "variant": {"name": "v", "architecture": {"upsampler": None}},
        "scale": 2,
        "weights": {"label": "none"},
        "dataset": dataset,
        "protocol": protocol,
        "dtype": "float32",
    }
    inputs = {"images": [str(image)], "weights": str(weights), "results": str(tmp_path / "out")}
    return QUALITY.job(spec, inputs)


def looks(job: Job) -> Record:
    """Makes a file of what it was given, where jobs make files."""
    image, weights = Path(job.inputs["images"][0]), Path(job.inputs["weights"])
    made = Path(job.inputs["results"]) / "images" / job.id / "seen.txt"
    made.parent.mkdir(parents=True)
    assert (image.name, weights.name) == ("a.png", "w.safetensors")
    beside = weights.with_name("training.json").read_text()
    made.write_text(f"{image.read_text()} {weights.read_text()} {beside} {image}")
    return finished(job, Stopwatch(), Ending("failed", "seen"))


def test_files_travel_by_content_and_made_files_come_back(tmp_path: Path, cache: Path) -> None:
    job, executor = image_job(tmp_path), Scripted()
    for _ in range(2):
        ((_, record),) = executor.completed(looks, [job], [])
        assert record.id == job.id
    seen = (tmp_path / "out" / "images" / job.id / "seen.txt").read_text()
    assert seen.startswith("pixels numbers {} ")
    assert str(cache) in seen
    # Asked for once; the second time everything was there.
    assert executor.started == 3


def test_what_a_machine_has_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "own"))
    folder = tmp_path / "own" / "Set5"
    folder.mkdir(parents=True)
    for name in ("img_001.png", "img_002.png"):
        (folder / name).write_bytes(name.encode())
    transport._images_of.cache_clear()
    sent = File("img_001.png", sha256_of(folder / "img_001.png"), "/nowhere/img_001.png")
    other = File("img_002.png", "0" * 64, "/nowhere/img_002.png")
    near = dict(transport._images_of("Set5"))
    assert transport._place(sent, {}, [near[sent.name]]) == folder / "img_001.png"
    assert transport._place(other, {}, [near[other.name]]) is None


def test_bytes_that_are_others_are_not_used(tmp_path: Path) -> None:
    parcel = pack(image_job(tmp_path))
    sent = {file.sha256: lambda: b"other" for file in parcel.files()}
    answer = perform(software(), "n", pickle.dumps(parcel), sent, looks)
    assert isinstance(answer, Failure)
    assert "changed while the run was going on" in answer.why


def source_of_network(job: Job) -> Record:
    ((_, given, _),) = job.inputs["networks"]
    return finished(job, Stopwatch(), Ending("failed", given["from"]))


def test_a_network_that_a_run_brings_travels(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\n\n\ndef make(scale):\n    return nn.Upsample(scale_factor=scale)\n"
    )
    given = {"from": f"{path}:make"}
    (job,) = cost_jobs(1)
    job = replace(job, inputs={"networks": [["travelling", given, sha256_of(path)]]})
    try:
        ((_, record),) = Scripted().completed(source_of_network, [job], [])
    finally:
        brought._BROUGHT.pop("travelling", None)
        brought._tell()
        forget_variant("travelling")
    assert record.reason is not None
    assert record.reason.startswith(str(cache))
    assert record.reason.endswith("net.py:make")


def test_a_machine_whose_disk_is_full_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(transport, "write_atomically", full)
    parcel = pack(image_job(tmp_path))
    sent = {file.sha256: Path(file.path).read_bytes for file in parcel.files()}
    answer = perform(software(), "n", pickle.dumps(parcel), sent, looks)
    assert isinstance(answer, Refusal)
    assert answer.why.startswith("cannot store what a job needs in ")
    assert answer.why.endswith(": No space left on device")


def test_a_damaged_copy_is_asked_for_again(tmp_path: Path, cache: Path) -> None:
    job, executor = image_job(tmp_path), Scripted()
    list(executor.completed(looks, [job], []))
    (kept,) = cache.rglob("a.png")
    kept.write_bytes(b"rotten pixels")
    answer = perform(software(), "n", pickle.dumps(pack(job)), {}, looks)
    assert isinstance(answer, Lacking)
    assert answer.sha256 == {sha256_of(tmp_path / "driver" / "a.png")}
