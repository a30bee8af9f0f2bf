"""Latency jobs in their process: what fails fails alone, and every record says what it was with."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.backends import BackendUnavailableError, Forward, get_backend
from harness.jobs.base import Job, Record
from harness.jobs.config import RunConfig
from harness.jobs.executors.local import SerialExecutor
from harness.jobs.latency import group as latency
from harness.jobs.latency import run as latency_group
from harness.jobs.latency.group import groups, measure_group
from harness.jobs.latency.kind import KIND
from harness.jobs.latency.models import LatencyResult, LatencySpec
from harness.jobs.latency.run import measure_in_turns
from harness.jobs.plan import make_plan
from harness.jobs.runner import Runner
from harness.jobs.store import ResultsFolder
from harness.measure import peak as roofline
from harness.measure.latency import Call, CPUTimer
from harness.measure.turns import FAR

STARTED = "2026-01-01T00:00:00+00:00"
QUICK = {"lr_sizes": ["6x4"], "threads": 1, "warmup_s": 0, "max_s": 0.01, "min_samples": 5}


def plan(
    *names: str, latency: dict[str, Any] | None = None, **options: Any
) -> list[Job[LatencySpec]]:
    values = {"variants": names, "only": ("latency",), "scales": (2,), "device": "cpu", **options}
    config = RunConfig.model_validate({**values, "latency": QUICK | (latency or {})})
    return make_plan(config).of(KIND)


@pytest.fixture(autouse=True)
def _small_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "CONV_SIZES", {"cpu": ((8, 8),)})
    monkeypatch.setattr(roofline, "GEMM_SIZES", {"cpu": (64,)})


def test_what_is_measured_of_a_group() -> None:
    jobs = plan("bicubic", "ms-lapsrn", dtypes=("fp32", "bf16"))
    records = {(r.spec.variant.name, r.spec.dtype): r for r in measure_in_turns(jobs, "g")}
    assert {r.status for r in records.values()} == {"done"}, [r.reason for r in records.values()]
    assert set(records) == {
        ("bicubic", "float32"),
        ("ms-lapsrn", "float32"),
        ("ms-lapsrn", "bfloat16"),
    }
    results = {name: record.as_dict()["result"] for name, record in records.items()}
    most = max(result["n"] for result in results.values())
    for result in results.values():
        assert result["n"] == most or result["stop_reason"] == FAR
    for (_, dtype), result in results.items():
        assert result["group"] == "g"
        assert result["rounds"] == list(range(result["n"]))
        assert result["reference"]["dtype"] == dtype
        reached = [result["reference"][f"{kind}_gflops"] for kind in ("conv", "gemm")]
        assert result["reference"]["gflops"] == max(reached)
        assert 0 <= result["busy_percent"] <= 100
        assert result["tf32"] is result["cudnn_benchmark"] is result["clocks"] is None
        assert "peak_memory_bytes" not in result
    assert results["bicubic", "float32"]["gflops"] is None
    assert results["bicubic", "float32"]["share_of_reference"] is None
    result = results["ms-lapsrn", "float32"]
    macs = latency_group._load(jobs[1]).macs
    assert result["gflops"] == pytest.approx(2 * macs / result["median_ms"] / 1e6)
    share = result["gflops"] / result["reference"]["gflops"]
    assert result["share_of_reference"] == pytest.approx(share)


def test_a_record_has_its_own_share_of_the_time() -> None:
    start = time.perf_counter()
    records = measure_in_turns(plan("bicubic", "ms-lapsrn"), "g")
    assert sum(record.seconds for record in records) < time.perf_counter() - start
    for record in records:
        assert record.seconds >= sum(record.as_dict()["result"]["samples_ms"]) / 1000


@pytest.mark.parametrize("when", ["load", "call"])
@pytest.mark.parametrize(
    ("error", "status"),
    [(torch.OutOfMemoryError("no room"), "failed"), (BackendUnavailableError("no"), "unavailable")],
)
def test_what_fails_fails_alone(
    monkeypatch: pytest.MonkeyPatch, when: str, error: Exception, status: str
) -> None:
    real = vars(latency_group)["prepare"]

    def fail(*_: object) -> torch.Tensor:
        raise error

    def prepare(model: Any, backend: str, dtype: str, *rest: Any) -> Forward:
        if dtype != "bfloat16":
            return real(model, backend, dtype, *rest)
        return fail if when == "call" else fail()  # type: ignore[return-value]

    monkeypatch.setattr(latency_group, "prepare", prepare)
    good, bad = measure_in_turns(plan("ms-lapsrn", dtypes=("fp32", "bf16")), "g")
    assert good.status == "done"
    assert (bad.status, bad.left["group"]) == (status, "g")
    assert str(error) in str(bad.reason)


def test_memory_is_that_of_the_pass_and_of_the_weights_and_energy_of_a_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class PeakTimer(CPUTimer):
        def peak_bytes(self, call: Call) -> int:
            return 1000

        def energy_mj(self, call: Call, ms: float) -> float:
            return 250 * ms

    monkeypatch.setattr(latency_group, "make_timer", lambda device: PeakTimer())
    (record,) = measure_in_turns(plan("ms-lapsrn"), "g")
    result = record.as_dict()["result"]
    assert result["peak_memory_bytes"] == 1000 + 4 * 222_801
    assert result["energy_mj"] == pytest.approx(250 * result["median_ms"])
    keeps = replace(get_backend("eager"), keeps_buffers=True)
    monkeypatch.setattr(latency_group, "get_backend", lambda name: keeps)
    (record,) = measure_in_turns(plan("ms-lapsrn"), "g")
    assert "peak_memory_bytes" not in record.as_dict()["result"]


def test_tf32_is_told_where_there_is_such_a_thing() -> None:
    told = latency_group._settings("cuda")
    assert told["tf32"] == {
        "cudnn": torch.backends.cudnn.allow_tf32,
        "matmul": torch.backends.cuda.matmul.allow_tf32,
    }
    assert told["cudnn_benchmark"] is False


def die(jobs: list[Job[LatencySpec]], group: str) -> list[Record]:
    os._exit(9)


def test_a_dead_process_is_a_failure_of_its_jobs() -> None:
    records = measure_group(plan("bicubic", "ms-lapsrn"), die)
    assert [r.status for r in records] == ["failed", "failed"]
    assert "died" in str(records[0].reason)
    assert len({r.left["group"] for r in records}) == 1


def affinity(jobs: list[Job[LatencySpec]], group: str) -> list[Record]:
    told = {"threads": os.environ["OMP_NUM_THREADS"], "group": group, "median_ms": 1.0}
    result = LatencyResult.model_validate(told)
    return [Record(job.id, "latency", job.spec, "done", None, result, "", 0, {}) for job in jobs]


def test_threads_are_set_before_torch_starts() -> None:
    (record,) = measure_group(plan("bicubic", latency={"threads": 2}), affinity)
    assert record.as_dict()["result"]["threads"] == "2"
    assert os.environ.get("OMP_NUM_THREADS") != "2"


def test_a_group_holds_what_a_reader_compares() -> None:
    jobs = plan(
        *("ms-lapsrn", "cms-lapsrn-conv3"),
        dtypes=("fp32", "bf16"),
        scales=(2, 4),
        latency={
            "batch": (1, 3),
            "threads": (1, 2),
            "lr_sizes": ("6x4", "4x6"),
            "memory_formats": ("channels_last", "contiguous"),
        },
    )
    found = list(groups(jobs))
    assert len(found) == 2**4
    assert sorted(job.id for group in found for job in group) == sorted(job.id for job in jobs)
    for group in found:
        ways = {(j.spec.variant.name, j.spec.dtype, j.spec.memory_format) for j in group}
        assert len(ways) == len(group) == 8
        assert len({(j.spec.lr_height, j.spec.batch, j.spec.threads) for j in group}) == 1


class Silent:
    def update(self, job: Job, record: Record, reused: bool) -> None:
        pass


def test_a_newcomer_is_measured_with_all_that_it_is_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[list[str]] = []

    def note(jobs: list[Job]) -> list[Record]:
        measured.append([job.spec.variant.name for job in jobs])
        result = LatencyResult(median_ms=1.0)
        return [
            Record(job.id, "latency", job.spec, "failed", "no", None, STARTED, 0, {})
            if "conv1" in job.id
            else Record(job.id, "latency", job.spec, "done", None, result, STARTED, 0, {})
            for job in jobs
        ]

    monkeypatch.setattr(latency, "measure_group", note)
    folder = ResultsFolder(tmp_path)
    first, second = (
        plan("bicubic", "cms-lapsrn-conv1"),
        plan("bicubic", "cms-lapsrn-conv1", "lapsrn"),
    )
    with folder.locked():
        for jobs in (first, first, second):
            Runner(folder, SerialExecutor(), Silent()).run_alone(KIND, jobs)
    # What failed is tried again alone; a newcomer brings the others with it.
    assert [sorted(names) for names in measured] == [
        ["bicubic", "cms-lapsrn-conv1"],
        ["cms-lapsrn-conv1"],
        ["bicubic", "cms-lapsrn-conv1", "lapsrn"],
    ]


def test_one_dead_group_does_not_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = latency.measure_group
    dying = iter([die, affinity])
    monkeypatch.setattr(latency, "measure_group", lambda jobs: real(jobs, next(dying)))
    folder = ResultsFolder(tmp_path)
    with folder.locked():
        runner = Runner(folder, SerialExecutor(), Silent())
        runner.run_alone(KIND, plan("bicubic", scales=(2, 4)))
    assert [r.status for r in runner.records.values()] == ["failed", "done"]
    assert len(runner.outcome.failed) == 1
