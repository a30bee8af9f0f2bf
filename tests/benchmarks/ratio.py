"""What the speed benchmarks share: taking turns, medians, a table, a JSON file."""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from harness.environment import cpu_name, usable_cpus, versions

RESULTS = Path(__file__).parents[2] / "results" / "benchmarks"


def medians_s(
    calls: Mapping[str, Callable[[], object]], rounds: int = 9, warmup: int = 2
) -> dict[str, float]:
    """Median seconds of each call; the calls take turns, so that drift hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(warmup + rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if number >= warmup:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def report(name: str, title: str, rows: list[dict[str, Any]], targets: Mapping[str, Any]) -> None:
    """Print a table and the ratios, and store them under ``results/benchmarks/``."""
    print(f"\n{title}\n{cpu_name()}, {usable_cpus()} processors, torch {torch.__version__}\n")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_show(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [columns, *cells]) for i in range(len(columns))]
    for line in [columns, *cells]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)))
    for key, value in targets.items():
        print(f"{key}: {_show(value)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    content = {
        "title": title,
        "processor": cpu_name(),
        "usable_cpus": usable_cpus(),
        "torch_threads": torch.get_num_threads(),
        "versions": versions(),
        "rows": rows,
        "ratios": dict(targets),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def _show(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
