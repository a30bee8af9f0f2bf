"""What a worker process does before its first job."""

import signal


def start_worker(workers: int) -> None:
    """Share the processors among workers, and leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch

    from harness.environment import usable_cpus

    torch.set_num_threads(max(1, usable_cpus() // workers))
