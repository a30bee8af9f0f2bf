"""A network and a large convolution with torch's defaults.

The inference benchmark starts this in a process of its own, for the harness's settings of memory
hold for a whole process. It imports nothing of the harness, reads a name per line, computes that
once, and answers with a line.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

import variants
from variants.backbones.base import SRModel
from variants.weights.store import find_shipped

LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"


def network(name: str, scale: int) -> SRModel:
    """The shipped network, or one with random weights where none ships."""
    return variants.create_model(name, scale, pretrained=find_shipped(name, scale) is not None)


def convolution(dtype: str) -> tuple[float, Callable[[], object]]:
    """GFLOP of a 3x3 convolution, 64 to 64 channels at 1280x720, channels last; and the call."""
    conv = torch.nn.Conv2d(64, 64, 3, padding=1).to(getattr(torch, dtype))
    conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.rand(1, 64, 720, 1280).to(getattr(torch, dtype))
    x = x.to(memory_format=torch.channels_last)

    def call() -> object:
        with torch.inference_mode():
            return conv(x)

    return 2 * 9 * 64 * 64 * 720 * 1280 / 1e9, call


@contextmanager
def untouched(name: str, scale: int, shape: tuple[int, ...]) -> Iterator[Callable[[str], None]]:
    """Such a process.

    Args:
        name: of the network.
        scale: its factor.
        shape: of its input.

    Yields:
        What has ``"network"`` or ``"convolution"`` computed once there. Raises RuntimeError if the
        process ends instead, OSError if it had ended before.
    """
    environment = {key: value for key, value in os.environ.items() if key != LARGE_PAGES}
    command = [sys.executable, "-m", "tests.benchmarks.untouched", name, str(scale)]
    with subprocess.Popen(
        [*command, *map(str, shape)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def compute(what: str) -> None:
            print(what, file=stdin, flush=True)
            if not stdout.readline():
                raise RuntimeError(f"the process that computes the {what} ended")

        yield compute


def main() -> None:
    name, scale, *shape = sys.argv[1:]
    model, y = network(name, int(scale)), torch.rand([int(size) for size in shape])
    _, conv = convolution("float32")
    calls: dict[str, Any] = {"network": lambda: model(y), "convolution": conv}
    with torch.inference_mode():
        for line in sys.stdin:
            calls[line.strip()]()
            print(flush=True)


if __name__ == "__main__":
    main()
