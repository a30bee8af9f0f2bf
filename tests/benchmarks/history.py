"""What has become slower since the last measurement on a machine of this kind.

    python -m tests.benchmarks.history [--compare|--table]

Each benchmark that prints ratios appends a line to ``results/benchmarks/KIND/history.jsonl``, where
the kind is what the processor can do and how many of them there are: figures of other kinds say
nothing about a change of the code. ``--table`` prints the last ratios of every kind. ``--compare``
sets the last line of every benchmark beside the one before, and its exit code is 1 where a ratio
got worse by more than noise and ``LEAST``.
"""

import json
import math
import platform
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict

from harness.measure.turns import relative_error_of_median
from harness.system.environment import device_name, git_commit, load_1min, usable_cpus, versions
from variants import processor

RESULTS = Path(__file__).parents[2] / "results" / "benchmarks"
LEAST = 0.05
"""Of a ratio: less is no finding even without noise, for the layout of memory makes as much."""
NOISE_FACTOR = 3
"""Standard errors of both measurements together that a change must exceed."""
_KINDS = (
    ({"amx_bf16"}, "amx"),
    ({"sse4a", "avx512_vp2intersect"}, "zen5"),
    ({"sse4a", "avx512_bf16"}, "zen4"),
    ({"avx512_bf16"}, "avx512-bf16"),
    ({"avx512_f"}, "avx512"),
    ({"avx2"}, "avx2"),
    ({"bf16"}, "arm-bf16"),
)
"""The first whose flags are all there. sse4a is AMD's alone: Zen 5 has AVX-512 units twice as wide
as Zen 4's."""


class Line(BaseModel):
    """One measurement of a benchmark.

    Attributes:
        benchmark: its name.
        title: what was measured exactly; measurements of other titles are not compared.
        measured: when, ISO 8601.
        git_commit: of the code, None where nothing tells.
        cpu: the processor's model, or the GPU's.
        flags: what it can do.
        threads: of torch.
        load_1min: of the system, before.
        versions: of Python and packages.
        ratios: by what they are; those that are finite and above zero.
        lower_is_better: which of them.
        noise: the largest relative standard error of a median that they are made of.
    """

    model_config = ConfigDict(frozen=True)

    benchmark: str
    title: str
    measured: str
    git_commit: str | None
    cpu: str
    flags: list[str]
    threads: int
    load_1min: float | None
    versions: dict[str, str]
    ratios: dict[str, float]
    lower_is_better: list[str] = []
    noise: float = 0.0


def kind_of(flags: Collection[str], machine: str, cpus: int) -> str:
    """A kind of machine by a name for files, such as ``zen4-2cpu``.

    Args:
        flags: of :func:`variants.processor.flags`, all of them.
        machine: such as ``x86_64``; names it where no flag does.
        cpus: how many can be used.
    """
    known = (name for needed, name in _KINDS if needed <= set(flags))
    named = next(known, machine or "unknown")
    return f"{named}-{cpus}cpu"


def this_kind(device: str = "cpu") -> str:
    """That of this machine; another where oneDNN is held to an older instruction set.

    On ``"cuda"`` it is the GPU's, such as ``nvidia-h200``.
    """
    if device == "cuda":
        return re.sub(r"[^a-z0-9]+", "-", device_name(device).lower()).strip("-")
    flags, limit = processor.flags(within_limit=False), processor.isa_limit()
    kind = kind_of(flags, platform.machine(), usable_cpus())
    return kind if limit is None else f"{kind}-held-to-{limit.lower()}"


def folder_of(kind: str) -> Path:
    """Where the figures of a kind of machine are."""
    return RESULTS / kind


def path_of(kind: str) -> Path:
    """Where the lines of a kind of machine are."""
    return folder_of(kind) / "history.jsonl"


def append(
    benchmark: str,
    title: str,
    ratios: Mapping[str, object],
    samples: Mapping[str, Sequence[float]],
    lower_is_better: Collection[str] = (),
    device: str = "cpu",
) -> None:
    """Add a measurement on this machine to the history of its kind.

    Args:
        benchmark: its name.
        title: see :class:`Line`.
        ratios: by what they are.
        samples: seconds, from which the noise is estimated.
        lower_is_better: of the ratios.
        device: that it was on.
    """
    kept = {
        key: float(value)
        for key, value in ratios.items()
        if isinstance(value, int | float) and math.isfinite(value) and value > 0
    }
    line = Line(
        benchmark=benchmark,
        title=title,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        git_commit=git_commit(),
        cpu=device_name(device),
        flags=processor.flags(),
        threads=torch.get_num_threads(),
        load_1min=load_1min(),
        versions=versions(),
        ratios=kept,
        lower_is_better=sorted(set(lower_is_better) & set(kept)),
        noise=max(
            (relative_error_of_median(values) for values in samples.values() if len(values) > 2),
            default=0.0,
        ),
    )
    path = path_of(this_kind(device))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line.model_dump_json() + "\n")


def read(path: Path) -> list[Line]:
    """All lines of a file, in their order; none of one that is not there.

    Raises:
        ValueError: a line is none of ours.
    """
    if not path.exists():
        return []
    return [Line.model_validate(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


class Change(BaseModel):
    """How a ratio changed.

    Attributes:
        benchmark: its name.
        what: the ratio is.
        before, now: the ratio.
        slower: by how much it got worse, 0.1 for 10 %; negative where it got better.
        noise: what can be chance, in the same unit.
    """

    benchmark: str
    what: str
    before: float
    now: float
    slower: float
    noise: float

    @property
    def is_shown(self) -> bool:
        """Whether it is slower beyond noise."""
        return self.slower > self.noise


def changes(lines: Iterable[Line]) -> list[Change]:
    """Of every benchmark's last two measurements of one title, how each common ratio changed."""
    by_benchmark: dict[str, list[Line]] = {}
    for line in lines:
        by_benchmark.setdefault(line.benchmark, []).append(line)
    found = []
    for name, measured in by_benchmark.items():
        now = measured[-1]
        before = next((one for one in measured[-2::-1] if one.title == now.title), None)
        if before is None:
            continue
        noise = max(LEAST, NOISE_FACTOR * math.hypot(before.noise, now.noise))
        for what in before.ratios.keys() & now.ratios.keys():
            old, new = before.ratios[what], now.ratios[what]
            worse = new / old if what in now.lower_is_better else old / new
            found.append(
                Change(
                    benchmark=name, what=what, before=old, now=new, slower=worse - 1, noise=noise
                )
            )
    return sorted(found, key=lambda change: -change.slower)


def table() -> str:
    """The last ratios of every kind of machine, in Markdown: one table per kind."""
    parts = []
    for folder in sorted(path for path in RESULTS.iterdir() if path.is_dir()):
        stored = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
        rows = [
            f"| {one['title']} | {what} | {value:.3g} |"
            for one in stored
            for what, value in one.get("ratios", {}).items()
        ]
        if rows:
            head = ["| measured | ratio | |", "|---|---|---|"]
            parts.append("\n".join([f"### {folder.name}", "", *head, *rows]))
    return "\n\n".join(parts)


def main(compare: bool) -> int:
    """Print what is kept of this kind of machine, or what changed; 1 if something is slower."""
    kind = this_kind()
    lines = read(path_of(kind))
    if not compare:
        print(f"\n{kind}: {len(lines)} measurements; --compare sets the last beside those before")
        return 0
    found = changes(lines)
    print(f"\nChanges on {kind}, the last against the one before; slower is worse\n")
    if not found:
        print("nothing was measured twice on this kind of machine")
    for one in found:
        mark = "SLOWER" if one.is_shown else ""
        print(
            f"{mark:<7} {100 * one.slower:+6.1f} % (noise {100 * one.noise:.1f} %)  "
            f"{one.benchmark}: {one.what}: {one.before:.4g}, now {one.now:.4g}"
        )
    return int(any(one.is_shown for one in found))


if __name__ == "__main__":
    if "--table" in sys.argv[1:]:
        print(table())
        sys.exit()
    sys.exit(main(compare="--compare" in sys.argv[1:]))
