"""Start-up: help, list, and a finished run again.

    python -m tests.benchmarks.startup

The finished run is that of ``results/paper``: quality, pictures, cost and latency of every
variant, on the embedded images and, where ``HARNESS_DATA`` holds them, on Set5, Set14 and BSDS100.
Run again, it plans, hashes the images, reads the records, writes the tables and finds that the
report is there. "after a change" is the same with the report to be rendered.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.data.datasets import find_dataset
from harness.errors import DataError
from harness.jobs.config import load_config
from harness.report.rendered import STAMP
from tests.benchmarks.finished import finish
from tests.benchmarks.ratio import medians_s, report

LIMITS_S = {"--help": 0.1, "list": 0.5, "a finished run again": 1.0}


def datasets() -> list[str]:
    found = ["embedded"]
    for name in ("Set5", "Set14", "BSDS100"):
        try:
            find_dataset(name)
        except DataError:
            continue
        found.append(name)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "results")
        names = datasets()
        options = {"datasets": tuple(names), "pictures": ("embedded",), "results": results}
        n_jobs = finish(load_config(None, options))
        run = ["run", "--datasets", ",".join(names), "--pictures", "embedded"]
        run += ["--results", str(results)]

        def harness(*arguments: str) -> Callable[[], str]:
            command = [sys.executable, "-m", "harness", *arguments]
            return lambda: (
                subprocess.run(command, check=True, capture_output=True, text=True).stderr
            )

        def after_a_change() -> None:
            (results / "report" / STAMP).unlink(missing_ok=True)
            harness(*run)()

        again = harness(*run)
        after_a_change()
        said = again()
        assert f"0 jobs measured, {n_jobs} taken" in said, said
        calls: dict[str, Callable[[], object]] = dict(
            zip(LIMITS_S, (harness("--help"), harness("list"), again), strict=True)
        )
        seconds = medians_s(calls, rounds=7, warmup=1)
        rendering = medians_s({"after a change": after_a_change}, rounds=3, warmup=0)
    rows = [{"command": n, "s": seconds[n], "target_s": LIMITS_S[n]} for n in LIMITS_S]
    rows += [{"command": name, "s": value} for name, value in rendering.items()]
    share = {"largest share of its target": max(seconds[n] / LIMITS_S[n] for n in LIMITS_S)}
    report(
        "startup",
        f"Start-up; the finished run has {n_jobs} jobs on {', '.join(names)}",
        rows,
        share,
        {**seconds.samples, **rendering.samples},
        lower_is_better=share,
    )


if __name__ == "__main__":
    main()
