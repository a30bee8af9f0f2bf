"""What a worker process does before its first job."""

import os
from multiprocessing.sharedctypes import Synchronized

from harness.system.environment import affinity, bind_to, usable_cpus

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def start_worker(workers: int, started: "Synchronized[int]", bound: bool) -> None:
    """Share processors and memory among workers.

    Args:
        workers: how many there are.
        started: how many have started, shared by all.
        bound: whether each keeps to processors of its own.
    """
    with started.get_lock():
        number = started.value
        started.value += 1
    threads = max(1, usable_cpus() // workers)
    # The libraries read these once, when they are loaded, which is below.
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    if bound:
        bind_to(share_of_cpus(number, workers))
    import torch

    from harness.jobs.quality.samples import CACHE

    torch.set_num_threads(threads)
    CACHE.share(workers)


def share_of_cpus(number: int, workers: int) -> list[int]:
    """The logical processors for one of several workers.

    As many for each, side by side, so that no two workers share one; a remainder stays unused.
    Empty where workers outnumber processors, or where the system cannot bind a process: then the
    system decides.
    """
    cpus = affinity() or []
    size = len(cpus) // workers
    return cpus[number * size : (number + 1) * size]
