"""Run the cases and count: ``python -m tests.faults --seed 1 --n 6000``."""

import argparse
import json
import sys
from pathlib import Path

from tests.faults.runner import CLASSES, SHARES, Tally, run_class, summed_up

SUMMARY = Path("results/faults/summary.json")


def main() -> int:
    """Exit code 1 if any case ended in a traceback, a hang or a wrong result."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=6000, help="cases in all")
    parser.add_argument("--only", default=",".join(CLASSES), help="classes, separated by commas")
    parser.add_argument("--case", type=int, help="only this number of each class, and its name")
    parser.add_argument("--out", type=Path, default=SUMMARY, help=f"[default: {SUMMARY}]")
    options = parser.parse_args()
    tallies: dict[str, Tally] = {}
    total = sum(SHARES.values())
    for name in options.only.split(","):
        n = max(1, round(options.n * SHARES[name] / total))
        tallies[name] = run_class(name, options.seed, n, options.case)
        print(tallies[name].line(name), flush=True)
        for failure in tallies[name].failures:
            print(f"    {failure}", flush=True)
        if options.case is None:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            summary = {
                "seed": options.seed,
                "n": options.n,
                "classes": {name: tally.as_dict() for name, tally in tallies.items()},
            }
            options.out.write_text(json.dumps(summary, indent=1, sort_keys=True) + "\n", "utf-8")
    return summed_up(tallies, "cases")


if __name__ == "__main__":
    sys.exit(main())
