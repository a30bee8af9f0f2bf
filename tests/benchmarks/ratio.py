"""What the speed benchmarks share: taking turns, medians, a table, a JSON file."""

import json
import os
import random
import statistics
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import torch

from harness.system.environment import describe, device_name, git_commit, load_1min, usable_cpus
from harness.system.malloc import ask_for_large_pages
from tests.benchmarks import history

ask_for_large_pages()


class Medians(dict[str, float]):
    """Median seconds by name.

    Attributes:
        samples: all seconds by name, in the order of measurement.
    """

    def __init__(self, samples: Mapping[str, list[float]]) -> None:
        super().__init__({name: statistics.median(values) for name, values in samples.items()})
        self.samples = dict(samples)


def medians_s(
    calls: Mapping[str, Callable[[], object]], rounds: int = 9, warmup: int = 2
) -> Medians:
    """Median seconds of each call; the calls take turns, so that drift hits all alike."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for number, names in enumerate(turns(calls, warmup + rounds)):
        for name in names:
            start = time.perf_counter()
            calls[name]()
            if number >= warmup:
                samples[name].append(time.perf_counter() - start)
    return Medians(samples)


def turns(names: Iterable[str], rounds: int, seed: int = 0) -> Iterator[list[str]]:
    """The names in an order for each round: a random one, then its reverse, so that of any two
    each goes first as often as the other.
    """
    order, shuffle = list(names), random.Random(seed).shuffle
    for number in range(rounds):
        if number % 2:
            order.reverse()
        else:
            shuffle(order)
        yield list(order)


def report(
    name: str,
    title: str,
    rows: list[dict[str, Any]],
    targets: Mapping[str, Any],
    samples: Mapping[str, list[float]] | None = None,
    *,
    lower_is_better: Collection[str] = (),
    device: str = "cpu",
) -> None:
    """Print a table and the ratios, and store them under ``results/benchmarks/KIND/``.

    The ratios are also appended to the history of this kind of machine, see
    :mod:`tests.benchmarks.history`.

    Args:
        name: of the file.
        title: says what was measured.
        rows: one mapping from column to value per row.
        targets: a ratio by what it is and should be.
        samples: seconds by what took them, as ``Medians.samples``.
        lower_is_better: which of ``targets`` should be small; others are speeds over speeds.
        device: where it ran, ``"cpu"`` or ``"cuda"``.
    """
    print(
        f"\n{title}\n{device_name(device)}, {usable_cpus()} processors, torch {torch.__version__}\n"
    )
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_show(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [columns, *cells]) for i in range(len(columns))]
    for line in [columns, *cells]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)))
    for key, value in targets.items():
        print(f"{key}: {_show(value)}")
    folder = history.folder_of(history.this_kind(device))
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "title": title,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "git_commit": git_commit(),
        "environment": describe(device),
        "torch_threads": torch.get_num_threads(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "load_1min": load_1min(),
        "rows": rows,
        "ratios": dict(targets),
        "samples_s": dict(samples or {}),
    }
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    history.append(name, title, targets, samples or {}, lower_is_better, device)


def _show(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
