"""Who takes a turn in the next round of a latency measurement, and when the rounds end."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.statistics.bootstrap import Float64Array
from harness.statistics.rounds import MARGIN, MIN_ROUNDS, order_interval

FEWEST_ROUNDS = MIN_ROUNDS
"""Taken even beyond the time limit."""
MOST_ROUNDS = 1000
CHECK_GROWTH = 1.5
"""The medians are judged at sample counts that grow by this factor: judging after every sample
(optional stopping) would overstate their precision."""
CLOSE = 0.05
"""Speeds that may be within 5 % of each other are close: it takes many rounds to order them."""
FIRST_LOOK = 10
"""Rounds after which references, and calls that are far from all others, may take no more turns."""
SURE = 0.01
"""A call that rests took enough rounds to be told from every other: where it was the slower one in
all of them, a sign test that is corrected for every pair of the group is below this."""
FAR = "far from the others"
"""Why a call took fewer turns than the group."""


@dataclass(frozen=True)
class LatencyOptions:
    """How long to measure.

    Attributes:
        warmup_s: least time spent on warm-up calls (the first call of all is apart).
        max_s: most time spent on samples, on the average of the calls. Calls whose median is not
            known to the target by then are ``noisy``.
        min_samples: samples per call before the medians are judged for the first time. The time
            limit wins over it, but for the first six rounds.
        target: relative standard error of the median at which a call is known well enough.
    """

    warmup_s: float = 0.3
    max_s: float = 3.0
    min_samples: int = 20
    target: float = 0.01


class Turns:
    """Decides after each round, from the samples alone.

    The medians are judged, and calls sent to rest, at few numbers of rounds only: whoever looks
    after every round sooner or later sees what is not there.

    Args:
        options: when to stop.
        references: names of calls that decide nothing.

    Attributes:
        resting: calls that take no more turns.
        rounds: how many were taken.
    """

    def __init__(self, options: LatencyOptions, references: Collection[str]) -> None:
        self.options, self.references = options, frozenset(references)
        self.resting: set[str] = set()
        self.rounds = 0
        self._least = 0
        self._stop: str | None = None

    def go_on(self, samples: Mapping[str, Sequence[float]]) -> bool:
        """Whether another round is taken; who rests in it is in ``resting``.

        Args:
            samples: ms of every call that has not failed.
        """
        judged = {name: values for name, values in samples.items() if name not in self.references}
        self.rounds = max(map(len, samples.values()), default=0)
        if not judged:
            self.rounds = 0
            return False
        self._least = self._least or min(first_look(len(judged)), self.options.min_samples)
        spent_s = sum(sum(values) for values in samples.values()) / 1000
        self._stop = self._reason(judged, spent_s)
        if self._stop is None and self.rounds in (self._least, *self._looks):
            self.resting |= self.references | self._known_well(judged)
        return self._stop is None

    def reason(self, name: str) -> str | None:
        """Why a call took no more turns."""
        return FAR if name in self.resting - self.references else self._stop

    def is_noisy(self, name: str, samples: Sequence[float]) -> bool:
        """Whether a call's median is not known to the target: a few samples agree by chance."""
        least = self._least if name in self.resting else self.options.min_samples
        return len(samples) < least or relative_error_of_median(samples) > self.options.target

    @property
    def _looks(self) -> list[int]:
        return checkpoints(self.options.min_samples)

    def _known_well(self, judged: Mapping[str, Sequence[float]]) -> set[str]:
        """Calls that need no more turns; none where no other would gain by it."""
        apart = far(judged)
        if len(apart) == len(judged):
            return set()
        enough = self.rounds >= self.options.min_samples
        return {
            name
            for name in apart - self.resting
            if enough or relative_error_of_median(judged[name]) <= self.options.target
        }

    def _reason(self, judged: Mapping[str, Sequence[float]], spent_s: float) -> str | None:
        """Why the rounds end here, None while they go on."""
        options, n = self.options, self.rounds
        active = {name: values for name, values in judged.items() if name not in self.resting}
        if (
            n in self._looks
            and all(
                relative_error_of_median(values) <= options.target for values in active.values()
            )
            and ordered(active)
        ):
            return "median known to the target"
        few = n < min(FEWEST_ROUNDS, options.min_samples)
        if not few and spent_s >= options.max_s * len(judged):
            return "time limit"
        return "most rounds" if n >= MOST_ROUNDS else None


def checkpoints(first: int) -> list[int]:
    """Sample counts at which the medians are judged: 20, 30, 45, 68, ..."""
    counts = [first]
    while counts[-1] < MOST_ROUNDS:
        counts.append(math.ceil(CHECK_GROWTH * counts[-1]))
    return counts


def first_look(calls: int) -> int:
    """Rounds after which the first of some calls may rest: 10 of up to 5, 14 of 18."""
    pairs = calls * (calls - 1) // 2
    return max(FIRST_LOOK, math.floor(math.log2(pairs / SURE)) + 1 if pairs else 0)


def relative_error_of_median(samples: Sequence[float]) -> float:
    """Standard error of the median over the median, from the interquartile range.

    For a normal distribution the median's standard error is 1.2533 sigma / sqrt(n), and
    sigma = IQR / 1.349; outliers move neither.
    """
    q1, median, q3 = np.percentile(samples, [25, 50, 75])
    return float(1.2533 * (q3 - q1) / 1.349 / math.sqrt(len(samples)) / median)


def far(samples: Mapping[str, Sequence[float]]) -> set[str]:
    """Calls whose time is shown to differ from every other's by more than ``CLOSE``."""
    reach = float(np.log1p(CLOSE))
    near = {
        name
        for one, other, low, high in _pairs(samples)
        if low <= reach and high >= -reach
        for name in (one, other)
    }
    return set(samples) - near


def ordered(samples: Mapping[str, Sequence[float]]) -> bool:
    """Whether the ratio of every two calls that are close is known to the margin."""
    reach, margin = float(np.log1p(CLOSE)), float(np.log1p(MARGIN))
    return all(
        high - low <= margin
        for _, _, low, high in _pairs(samples)
        if low <= reach and high >= -reach
    )


def _pairs(samples: Mapping[str, Sequence[float]]) -> Iterator[tuple[str, str, float, float]]:
    """Every two calls, and the interval of the logarithm of their times' ratio.

    Args:
        samples: ms of the first rounds, as many as each took.
    """
    logs: dict[str, Float64Array] = {name: np.log(values) for name, values in samples.items()}
    for one, other in combinations(samples, 2):
        common = min(len(logs[one]), len(logs[other]))
        yield one, other, *order_interval(logs[one][:common] - logs[other][:common])
