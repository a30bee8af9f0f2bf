"""Start-up: help, list, and a finished run again.

python -m tests.benchmarks.startup
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.ratio import medians_s, report


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = ["run", "--variants", "all", "--only", "cost", "--results", str(Path(folder, "r"))]

        def harness(*arguments: str) -> Callable[[], object]:
            command = [sys.executable, "-m", "harness", *arguments]
            return lambda: subprocess.run(command, check=True, capture_output=True)

        harness(*run)()
        limits = {"--help": 0.3, "list": 0.5, "a finished run again": 3.0}
        calls = dict(zip(limits, (harness("--help"), harness("list"), harness(*run)), strict=True))
        seconds = medians_s(calls, rounds=7, warmup=1)
    rows = [{"command": name, "s": seconds[name], "target_s": limits[name]} for name in limits]
    report(
        "startup",
        "Start-up",
        rows,
        {"largest share of its target": max(seconds[n] / limits[n] for n in limits)},
    )


if __name__ == "__main__":
    main()
