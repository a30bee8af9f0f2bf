"""Training whose every loss is written down; as a script, in a process that may be killed.

``python -m tests.training.worker RECIPE OUT LOSSES [KILL_AT]``
"""

import os
import signal
import sys
from pathlib import Path
from unittest.mock import patch

import torch
import torch.distributed as dist

from harness.training.loop import Loop, Outcome
from harness.training.train import train

VARIANT = "cms-lapsrn-conv3"


def train_observed(recipe: Path, out: Path, losses: Path, kill_at: int | None = None) -> None:
    """Train on one thread and append each step's loss, averaged over processes, to a file.

    Args:
        recipe: as for ``train``.
        out: likewise.
        losses: gets lines of step and loss.
        kill_at: the process ends itself with SIGKILL after this step.
    """
    run = Loop.run

    def observed(self: Loop) -> Outcome:
        def on_step(step: int, loss: torch.Tensor) -> None:
            if dist.is_initialized():
                loss = loss.clone()
                dist.all_reduce(loss)
                loss = loss / dist.get_world_size()
            if not dist.is_initialized() or dist.get_rank() == 0:
                with losses.open("a") as file:
                    file.write(f"{step} {float(loss)!r}\n")
            if step == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        return run(self, on_step)

    torch.set_num_threads(1)
    with patch.object(Loop, "run", observed):
        train(VARIANT, recipe=recipe, out=out, device="cpu", progress=False)


if __name__ == "__main__":
    from tests.training.conftest import _lumas

    recipe, out, losses, *kill_at = sys.argv[1:]
    with patch("harness.training.train.read_lumas", _lumas):
        train_observed(Path(recipe), Path(out), Path(losses), *map(int, kill_at))
