"""The latency of two revisions of this repository, measured in turns.

Between two jobs on a machine that others use, a quarter is noise; within one, a fraction of a per
cent. So both revisions run in a process of their own beside each other, and take turns pass by
pass; what slows a round slows both.
"""

import io
import os
import random
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from harness.comparison.gates import Gate, parse_gate
from harness.errors import ConfigError
from harness.statistics.rounds import SpeedVerdict, median_interval, verdict_of

HR_SIDE = 256
ROUNDS = 40
WARM_UP = 3
FIGURE = "median_ms"


@dataclass(frozen=True)
class Turn:
    """One network at one scale in both revisions.

    Attributes:
        before, after: medians in ms.
        change: of the time, in per cent, above zero is slower: the median over the rounds.
        low, high: its 95 % bootstrap interval.
        verdict: of the second revision.
        failed: the gates that it trips.
    """

    variant: str
    scale: int
    before: float
    after: float
    change: float
    low: float
    high: float
    verdict: SpeedVerdict
    failed: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """A line for people."""
        gates = f"  FAILED: {', '.join(self.failed)}" if self.failed else ""
        return (
            f"{self.variant} {self.scale}\u00d7: {self.before:.2f} to {self.after:.2f} ms, "
            f"{self.change:+.1f} % [{self.low:+.1f}, {self.high:+.1f}]: {self.verdict}{gates}"
        )


def compare_revisions(
    revisions: tuple[str, str],
    variants: Sequence[str],
    scales: Sequence[int],
    gates: Sequence[str] = (),
    *,
    rounds: int = ROUNDS,
    hr_side: int = HR_SIDE,
    on_round: Callable[[], object] = lambda: None,
) -> list[Turn]:
    """Time variants at scales in two revisions, taking turns.

    A gate trips where the whole interval of the change lies beyond its limit.

    Args:
        revisions: what git calls them; of the repository that the working directory lies in.
        variants: names that both revisions know.
        scales: some of 2, 4 and 8.
        gates: on ``median_ms``, in per cent.
        rounds: of which each takes one pass of every network in both revisions.
        hr_side: pixels of the square output.
        on_round: called after each round.

    Raises:
        ConfigError: there is no such revision, it cannot run a network, or a gate is on another
            figure.
    """
    parsed = [_gate(text) for text in gates]
    places = [(name, scale) for scale in scales for name in variants]
    times: dict[tuple[str, int], list[tuple[float, float]]] = {place: [] for place in places}
    with ExitStack() as stack:
        ends = [stack.enter_context(_timer(revision)) for revision in revisions]
        shuffle = random.Random(0)  # noqa: S311  an order, no secret
        for number in range(WARM_UP + rounds):
            for name, scale in shuffle.sample(places, len(places)):
                words = f"{name} {scale} {hr_side // scale} {hr_side // scale}\n"
                found = [0.0, 0.0]
                for which in shuffle.sample((0, 1), 2):
                    found[which] = _ask(ends[which], words, revisions[which])
                if number >= WARM_UP:
                    times[name, scale].append((found[0], found[1]))
            on_round()
    return [_turn(*place, np.array(pairs), parsed) for place, pairs in times.items()]


def _gate(text: str) -> Gate:
    gate = parse_gate(text)
    if gate.figure != FIGURE or not gate.relative:
        raise ConfigError(f"of two revisions only {FIGURE} in per cent has a gate, not {text!r}")
    return gate


def _turn(variant: str, scale: int, times: np.ndarray, gates: Sequence[Gate]) -> Turn:
    logs = np.log(times[:, 0]) - np.log(times[:, 1])  # Of speeds: above zero is faster.
    low, high = median_interval(logs)
    least, most = (100 * float(np.expm1(-value)) for value in (high, low))
    failed = tuple(
        gate.text
        for gate in gates
        if gate.concerns(variant) and all(gate.fails(100, 100 + end) for end in (least, most))
    )
    before, after = (float(value) for value in np.median(times, axis=0))
    change = 100 * float(np.expm1(-np.median(logs)))
    return Turn(variant, scale, before, after, change, least, most, verdict_of(low, high), failed)


@contextmanager
def _timer(revision: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that times the revision's own code; see :mod:`harness.networks.turns`."""
    with tempfile.TemporaryDirectory(prefix="harness-rev-") as folder:
        _check_out(revision, Path(folder))
        script = files("harness").joinpath("networks", "turns.py")
        process = subprocess.Popen(  # noqa: S603  our own interpreter and script
            # Without -P the script's folder would come before the revision's.
            [sys.executable, "-P", str(script)],
            env={**os.environ, "PYTHONPATH": folder},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def _check_out(revision: str, folder: Path) -> None:
    """The packages of a revision, without touching the working tree."""
    command = ["git", "archive", "--format=zip", revision, "harness", "variants"]
    try:
        root = subprocess.run(
            ["git", "rev-parse", "--show-toplevel"],  # noqa: S607
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        content = subprocess.run(command, capture_output=True, check=True, cwd=root).stdout  # noqa: S603
    except FileNotFoundError as error:
        raise ConfigError("--rev needs git, which was not found") from error
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else ""
        *_, last = ["", *(why or str(error.stderr)).strip().splitlines()]
        raise ConfigError(f"git cannot give the revision {revision!r}: {last}") from error
    # A zip archive: only from Python 3.11.4 on can tarfile be kept within the folder.
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)


def _ask(process: "subprocess.Popen[str]", words: str, revision: str) -> float:
    """Milliseconds of one pass."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(words)
        process.stdin.flush()
        return float(process.stdout.readline())
    except (OSError, ValueError) as error:
        process.kill()
        lines = process.communicate()[1].strip().splitlines()
        why = lines[-1] if lines else "its process ended"
        raise ConfigError(f"{revision} cannot run {words.split()[0]}: {why}") from error
