"""Workers share what the machine has."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from harness.jobs import workers
from harness.jobs.executors.local import make_executor
from harness.jobs.workers import THREAD_VARIABLES, share_of_cpus
from harness.system.environment import usable_cpus


@pytest.mark.parametrize(
    ("n_cpus", "n_workers", "expected"),
    [
        (4, 2, [[0, 1], [2, 3]]),
        (5, 2, [[0, 1], [2, 3]]),
        (2, 2, [[0], [1]]),
        (2, 3, [[], [], []]),
    ],
)
def test_processors_are_shared_equally(
    monkeypatch: pytest.MonkeyPatch, n_cpus: int, n_workers: int, expected: list[list[int]]
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(n_cpus)), raising=False)
    assert [share_of_cpus(number, n_workers) for number in range(n_workers)] == expected


def test_where_a_process_cannot_be_bound_the_system_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert share_of_cpus(0, 2) == []


def condition(_: int) -> tuple[int, int, list[int], list[str | None], list[int]]:
    import time

    import torch

    from harness.jobs.quality.samples import CACHE

    time.sleep(0.5)  # So that each worker takes one.
    kept = [CACHE.samples.max_bytes, CACHE.images.max_bytes]
    affinity = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    variables = [os.environ.get(name) for name in THREAD_VARIABLES]
    return os.getpid(), torch.get_num_threads(), kept, variables, affinity


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no process can be bound here")
def test_a_worker_that_is_not_bound_may_use_every_processor() -> None:
    with make_executor(2, bound=False) as executor:
        assert isinstance(executor, ProcessPoolExecutor)
        found = [row[-1] for row in executor.map(condition, range(2))]
    assert found == [sorted(os.sched_getaffinity(0))] * 2


def test_a_worker_is_set_up_before_its_first_job() -> None:
    from harness.jobs.quality.samples import IMAGE_BYTES, SAMPLE_BYTES

    with make_executor(2) as executor:
        assert isinstance(executor, ProcessPoolExecutor)
        found = {row[0]: row[1:] for row in executor.map(condition, range(4))}
    threads = max(1, usable_cpus() // 2)
    for n_threads, kept, variables, _ in found.values():
        assert n_threads == threads
        assert kept == [SAMPLE_BYTES // 2, IMAGE_BYTES // 2]
        assert variables == [str(threads)] * len(workers.THREAD_VARIABLES)
    bound = [cpus for *_, cpus in found.values()]
    if usable_cpus() >= 2 and len(bound) == 2 and hasattr(os, "sched_getaffinity"):
        assert not set(bound[0]) & set(bound[1])
